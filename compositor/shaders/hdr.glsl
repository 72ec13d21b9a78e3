// To BT.709 SDR, for pictures of other transfers or primaries (docs/reference/colour.md). TRANSFER_PQ, TRANSFER_HLG,
// TRANSFER_LINEAR or none (SDR), and WIDE_GAMUT for BT.2020 primaries.
uniform mat3 to_bt709;  // linear light, BT.2020 → BT.709
uniform float peak_pq;  // the source's peak luminance as a PQ signal
uniform float white_pq; // 203 cd/m² as a PQ signal

const float SDR_GAMMA = 2.4;         // ITU-R BT.1886 with a black of 0
const float REFERENCE_WHITE = 203.0; // cd/m², ITU-R BT.2408
// SMPTE ST 2084
const float M1 = 2610.0 / 16384.0, M2 = 2523.0 / 32.0, C1 = 3424.0 / 4096.0, C2 = 2413.0 / 128.0, C3 = 2392.0 / 128.0;

float pq_to_nits(float e) {
    float p = pow(e, 1.0 / M2);
    return 10000.0 * pow(max(p - C1, 0.0) / (C2 - C3 * p), 1.0 / M1);
}

float nits_to_pq(float nits) {
    float y = pow(nits / 10000.0, M1);
    return pow((C1 + C2 * y) / (1.0 + C3 * y), M2);
}

// ITU-R BT.2390, section 5.4.1, for a black of 0 on both sides: in and out are PQ signals.
float eetf(float e) {
    float target = white_pq / peak_pq;
    if (target >= 1.0) return e;
    float e1 = min(e / peak_pq, 1.0);
    float knee = 1.5 * target - 0.5;
    if (e1 < knee) return e;
    float t = (e1 - knee) / (1.0 - knee), t2 = t * t, t3 = t2 * t;
    float e2 = (2.0 * t3 - 3.0 * t2 + 1.0) * knee + (t3 - 2.0 * t2 + t) * (1.0 - knee) + (3.0 * t2 - 2.0 * t3) * target;
    return e2 * peak_pq;
}

// Brightest component first, the others in proportion, so that hues stay.
vec3 tone_map(vec3 nits) {
    float brightest = max(nits.r, max(nits.g, nits.b));
    if (brightest <= 0.0) return vec3(0.0);
    return nits * (pq_to_nits(eetf(nits_to_pq(brightest))) / brightest) / REFERENCE_WHITE;
}

#ifdef TRANSFER_HLG
// ITU-R BT.2100, table 5: inverse OETF, then the OOTF of a display of 1000 cd/m² (gamma 1.2).
float hlg_to_scene(float e) {
    const float a = 0.17883277, b = 0.28466892, c = 0.55991073;
    return e <= 0.5 ? e * e / 3.0 : (exp((e - c) / a) + b) / 12.0;
}
#endif

vec3 to_sdr(vec3 rgb) {
#ifdef TRANSFER_PQ
    rgb = clamp(rgb, 0.0, 1.0);
    vec3 light = tone_map(vec3(pq_to_nits(rgb.r), pq_to_nits(rgb.g), pq_to_nits(rgb.b)));
#elif defined(TRANSFER_HLG)
    rgb = clamp(rgb, 0.0, 1.0);
    vec3 scene = vec3(hlg_to_scene(rgb.r), hlg_to_scene(rgb.g), hlg_to_scene(rgb.b));
    float luminance = dot(scene, vec3(0.2627, 0.6780, 0.0593));
    vec3 light = tone_map(luminance > 0.0 ? 1000.0 * pow(luminance, 0.2) * scene : vec3(0.0));
#elif defined(TRANSFER_LINEAR)
    vec3 light = rgb;
#else
    vec3 light = pow(clamp(rgb, 0.0, 1.0), vec3(SDR_GAMMA));
#endif
#ifdef WIDE_GAMUT
    light = to_bt709 * light;
#endif
    return pow(clamp(light, 0.0, 1.0), vec3(1.0 / SDR_GAMMA));
}
