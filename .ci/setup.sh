#!/bin/sh
# Makes a checkout ready: system packages, .venv, the project and what it needs, at the versions of constraints.txt.
# usage: .ci/setup.sh run|test          A second run finds everything in place and installs nothing.
set -eu
cd "$(dirname "$0")/.."
goal=${1:-run}
say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

# What the wheels don't bring: OpenGL with a software renderer, and the library that orders right-to-left text.
packages="libegl1 libgl1 libgl1-mesa-dri libfribidi0"
# The tests hold the pictures and the sound against ffmpeg, and draw with fonts that the project does not bring.
[ "$goal" = run ] || packages="$packages ffmpeg fonts-dejavu-core"

python=
for name in python3 python3.14 python3.13 python3.12 python3.11; do
  if command -v $name >/dev/null && $name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$name
    break
  fi
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed, and not found"
$python -c 'import ensurepip, venv' 2>/dev/null || packages="$packages $python-venv"

install_packages() {
  missing=
  for package in $packages; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  as_root=
  if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    if ! command -v sudo >/dev/null; then
      say "these packages are missing, and there is no sudo; as root: apt-get install$missing"
      say "going on without them"
      return 0
    fi
  fi
  say "installing with ${as_root:+$as_root }apt-get:$missing"
  # A broken entry among the sources of others need not matter: whether the packages can be had decides.
  $as_root apt-get update -qq || say "apt-get update failed; trying all the same"
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing ||
    fail "apt-get could not install:$missing"
}

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  install_packages
else
  say "no apt-get here: OpenGL (EGL on Linux), FriBidi$([ "$goal" = run ] || echo ', ffmpeg, the DejaVu fonts') must be" \
    "installed by other means (on Debian: $packages); going on"
fi

# A .venv whose Python is gone, or that was moved with its folder, is made anew.
here=$(pwd -P)
if ! .venv/bin/python -m pip --version >/dev/null 2>&1 || ! grep -qF "$here/.venv" .venv/bin/activate; then
  say "making .venv with $($python --version)"
  rm -rf .venv
  $python -m venv .venv || fail "the environment could not be made; on Debian: apt-get install $python-venv"
fi

# Python, type checkers and editors find the folders under the names of the installed package, by links: new files
# and folders need no other installation. `pip install .` copies the folders instead.
link_packages() {
  links=.venv/links/reelmill
  mkdir -p $links
  for folder in cli compositor decoders export planner; do ln -sfn ../../../$folder $links/$folder; done
  for file in __init__.py __main__.py py.typed; do ln -sfn ../../../export/interface/$file $links/$file; done
  .venv/bin/python -c '
import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "reelmill-links.pth").write_text(sys.argv[1] + "\n", encoding="utf-8")
' "$here/.venv/links"
}

wanted=$(cat pyproject.toml constraints.txt | cksum)
for stamp in .venv/setup-test .venv/setup-$goal; do
  [ "$(cat $stamp 2>/dev/null)" != "$wanted" ] || exit 0
done
say "installing the project into .venv"
# Both names: the first is read by pip up to 25.2 for what builds the project, too, the second by later ones.
PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
  .venv/bin/python -m pip install -q --editable ".$([ "$goal" = run ] || echo '[analysis,heif,dev]')"
link_packages
echo "$wanted" >.venv/setup-$goal
