/*
 * How much is measured. A line for each: its name in the environment behind BENCH_, what holds without it, and what it is;
 * bench/run --help shows them.
 */
/* clang-format off */
SIZE(ARRIVALS, 120, "new sessions with a warm pool, half a second apart")
SIZE(POOL, 5, "spare sandboxes kept for each environment meanwhile")
SIZE(COLD_ROUNDS, 20, "sandboxes started, each way")
SIZE(KEYS, 4000, "keystrokes in one session, each way")
SIZE(FLOOD_ROUNDS, 5, "floods, each way")
SIZE(FLOOD_MB, 50, "output of one flood, MB")
SIZE(CROWD, 50, "sessions that type at once, each way")
SIZE(FLOODERS, 20, "of them flooding beside an innocent one")
SIZE(CROWD_ROUNDS, 3, "turns of the crowd, each way and with each load")
SIZE(CROWD_SECONDS, 3, "length of such a turn")
SIZE(MEMORY_SESSIONS, 10, "sessions whose memory is taken on the real Engine")
SIZE(SCALE_SESSIONS, 1000, "sessions on the fake Engine")
SIZE(SCALE_WEBSOCKETS, 10000, "idle WebSockets on the fake Engine")
SIZE(SCALE_SECONDS, 25, "how long these are idle first: the server pings after 20 s")
SIZE(SCALE_KEYS, 2000, "keystrokes beside them")
SIZE(HOST_SANDBOXES, 1000, "sandboxes started at most to see how many the host carries")
SIZE(HOST_SECONDS, 60, "and how long at most")
SIZE(HOST_FREE_MB, 2048, "and how much memory is left alone, MB")
/* clang-format on */
