"""What an export reports: the plan, the report, profiles, and facts about the machine."""
