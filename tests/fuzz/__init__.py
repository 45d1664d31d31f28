"""What comes from outside, made up: each reader takes any of it, and says what it read or that it is unknown.

Seconds of it in script/check, always the same; with FAILOVER_SOAK=N a tenth of N times as many, other ones each time.
"""
