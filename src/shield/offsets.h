// offsets.h: the numbers that entry.S shares with C++; thread.h asserts each of them.
#pragma once

#define THREAD_STATE 8
#define THREAD_PROGRAM_RSP 16
#define THREAD_LEVELS 64
#define THREAD_XSAVE 256
#define LEVEL_SIZE 40
#define LEVEL_EXIT_TARGET 0
#define LEVEL_HOST_RSP 8
#define LEVEL_HOST_RBP 16
#define LEVEL_SAVED_RSP 24
#define LEVEL_WAITING 32
#define EXCEPTION_STACK_TOP (-7 * 4096)

#define STATE_FREE 0
#define STATE_SPAWNING 1
#define STATE_RUNNING 2
#define ENTRY_START 1
#define ENTRY_RETURN 2
#define ENTRY_EXCEPTION 3
#define EXIT_RESUME 2
#define EXIT_THREAD_DONE 3
#define XFRM 7
