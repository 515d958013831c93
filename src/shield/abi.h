// abi.h: all that passes between the shield (inside) and its host process (outside). Freestanding: both sides
// include it. The shield treats every field that the host can write as hostile: it copies once, then checks.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace clemmys::shield {

// ---- Layout of an image in its 64 GiB range (offsets from base). Constants, so that a memory limit never
// changes the measurement. The packer writes LayoutPage at kLayoutOffset; it is measured, so the shield
// trusts it.
inline constexpr uint64_t kElrangeSize = 64ull << 30;
inline constexpr uint64_t kPageSize = 4096;
inline constexpr uint64_t kSsaFrameSizePages =
    1;  // XFRM x87|SSE|AVX: 832 bytes, EXINFO and GPRSGX fit one page
inline constexpr uint64_t kXfrm = 7;
inline constexpr uint32_t kNssa = 2;  // one frame for the program, one for the exception handler
inline constexpr uint64_t kLayoutOffset = 0;
inline constexpr uint64_t kShieldOffset = kPageSize;  // the shield is linked for address 0 and placed here
inline constexpr uint64_t kLayoutMagic = 0x314c444c48534c43;  // "CLSHLDL1"

struct LayoutPage {
  uint64_t magic;
  uint64_t shield_entry;  // offset of the entry code, every TCS's OENTRY
  uint64_t program_base, program_size, program_entry, program_phdr,
      program_phnum;                                   // offsets; the static-PIE program
  uint64_t threads_base, thread_count, thread_stride;  // one slot per thread, see kSlot… below
  uint64_t heap_base,
      heap_initial_size;  // brk starts here; this much of it is added, unmeasured, before the start
  uint64_t dynamic_base, dynamic_size;         // tables, brk, mmap and stacks grow here, by EAUG/EACCEPT
  uint64_t cpuid_sites, cpuid_count;           // sorted u64 offsets of `ud2` that were `cpuid`
  uint64_t files, file_count;                  // FileEntry array: files that are part of the image, read-only
  uint64_t manifest_flags;                     // kAllow… bits below
  uint64_t allowed_paths, allowed_paths_size;  // NUL-terminated host path prefixes the program may open
  uint64_t stack_size;                         // of the program's first thread
  uint64_t heap_strategy;                      // HeapStrategy
  uint64_t batch_pages_max;                    // kSgx2Batch: the largest window that one fault brings in
  uint64_t thread_count_initial;  // slots that the image brings; the others come by EMODT, thread_count is
                                  // the most
  uint64_t static_areas_size, static_arena_size;  // parts of the tables that are there before the start
  uint64_t command, command_size;  // NUL-terminated arguments that stand before the host's: the host cannot
                                   // choose what an image runs
  uint64_t syscall_sites,
      syscalls_rewritten;                  // for people: `syscall` in the program, and how many trap no more
  uint64_t environment, environment_size;  // NUL-terminated NAME=value, added to the host's CLEMMYS_…
};
// HeapStrategy is how memory comes (decision 0007). The SGX1 ones have heap_initial_size
// bytes and no more; they differ in whether the measurement covers them, which the shield need not know.
enum class HeapStrategy : uint64_t {
  kSgx2Batch =
      0,  // a fault brings in a window of pages that doubles with sequential use: one exit for all of it
  kSgx2Fault = 1,        // a fault brings in its page, which the kernel has added on the way
  kSgx2AcceptFirst = 2,  // mmap and brk accept each page before anybody touches it; each EACCEPT faults once
  kSgx2Commit = 3,       // mmap and brk bring in all of their range by one exit
  kSgx1 = 4,
};
// FileEntry is one file of the image. Offsets from base; path is NUL-terminated and absolute, content begins
// a page.
struct FileEntry {
  uint64_t path, content, size;
};
inline constexpr uint64_t kImageFilesMax = 4096;
inline constexpr uint64_t kAllowNetwork = 1 << 0;    // sockets (gateway, kms); functions have none
inline constexpr uint64_t kAllowHostFiles = 1 << 1;  // paths on the allow-list
inline constexpr uint64_t kDebugImage = 1 << 2;      // the shield may say in words what went wrong

// The tables of a static heap, beside the bitmap's part for it.
inline constexpr uint64_t kStaticAreasSize = 64 << 10, kStaticArenaSize = 1 << 20;

// A thread slot, in pages: TCS | SSA frames | absent | exception stack | absent | shield stack | Thread data
// (GS base). The absent pages turn a stack overflow into a fault. Stacks are added unmeasured: nobody reads
// them before writing.
inline constexpr uint64_t kSlotPages = 16, kSlotTcsPage = 0, kSlotSsaPage = 1, kSlotExceptionStackPage = 4,
                          kSlotExceptionStackPages = 3, kSlotStackPage = 8, kSlotStackPages = 6,
                          kSlotDataPage = 14;
inline constexpr uint64_t kThreadStateOffset =
    8;  // in the data page, u32: the packer sets kThreadSpawning for TCS 0
inline constexpr uint32_t kThreadFree = 0, kThreadSpawning = 1, kThreadRunning = 2;

// The dynamic range starts with the shield's own tables: page bitmap, areas, arena. Then brk, then mmap.
inline constexpr uint64_t kBitmapSize = 2ull << 20, kAreasSize = 2ull << 20, kTablesSize = 64ull << 20;
inline constexpr uint64_t kBrkSizeMax = 16ull << 30;

// ---- Entry. EENTER with rdi = EntryReason, rsi = address of the thread's HostThread block (untrusted
// memory).
enum class EntryReason : uint64_t {
  kStart = 1,      // first entry of the process on TCS 0, or of a new thread on another TCS
  kReturn = 2,     // a host call has been served; its result is in the HostThread block
  kException = 3,  // an AEX happened on this TCS (CSSA = 1): look at SSA frame 0
};
// EEXIT goes to the address that EENTER put into rcx, with rdi = ExitReason, rsp and rbp as at EENTER, DF
// clear and every other register zero (rbx, r12 to r15 too: the port keeps its own callee-saved registers),
// extended state initial.
enum class ExitReason : uint64_t {
  kHostCall = 1,     // serve HostThread::call, then enter with kReturn
  kResume = 2,       // the exception is handled: ERESUME
  kThreadDone = 3,   // this thread ended; the TCS is free again
  kProcessDone = 4,  // exit_group: HostThread::call.arguments[0] is the status
};

// HostCall is one request to the host: a Linux system call with pointers into the bounce buffer, or one of
// our own below.
struct HostCall {
  uint64_t number;
  uint64_t arguments[6];
  int64_t result;  // as Linux returns it: value or -errno
};
// Own calls start here. The host refuses every number that it does not know.
enum class OwnCall : uint64_t {
  kAugment = 0x10000,      // (offset, size): make the range PENDING
  kTrim = 0x10001,         // (offset, size): EMODT to TRIM; kRemove after EACCEPT
  kRemove = 0x10002,       // (offset, size)
  kSpawnThread = 0x10003,  // (tcs index): enter this TCS on a new host thread
  kPark = 0x10004,         // (own tcs index, timeout_ns or ~0): sleep until unparked; may wake for no reason
  kUnpark = 0x10005,       // (tcs index)
  kCpuid = 0x10006,        // (leaf, subleaf, bounce address of 4 u32)
  kQuote = 0x10007,  // (bounce address of REPORT, size; bounce address and capacity for the quote): quote
                     // size or -errno
  kTargetInfo = 0x10008,  // (bounce address for the quoting enclave's TARGETINFO)
  kMakeTcs = 0x1000a,     // (offset): EMODT of this page to TCS
  // With kProcessDone, never kHostCall: (bounce address of a text, its size): the enclave stopped because of
  // a fault or a hostile answer. An orderly end has the number of exit_group and its status.
  kPanic = 0x10009,
  // With kProcessDone, as kPanic: (signal, bounce address of a text, its size): a signal ended the program.
  kKilled = 0x1000b,
  kRestrict = 0x1000c,  // (offset, size, permissions to keep): EMODPR; the enclave accepts them
};

inline constexpr uint64_t kBounceSizeMin = 64 << 10, kArgumentSizeMax = 64 << 10;

// Exitless calls (exitless.h): HostThread::queue. The shield posts a call instead of leaving, a worker of the
// host takes it, serves it and says that it is done.
inline constexpr uint32_t kQueueIdle = 0, kQueuePosted = 1, kQueueTaken = 2, kQueueDone = 3;

// HostThread is one thread's mailbox in untrusted memory; the host allocates it and the bounce buffer before
// the entry.
struct HostThread {
  HostCall call;
  uint64_t bounce_address;  // untrusted buffer for arguments and results
  uint64_t bounce_size;     // at least kBounceSizeMin
  uint64_t tcs_index;
  uint64_t argument_block;  // kStart on TCS 0: address and size of argc/argv/envp as NUL-separated text
  uint64_t argument_size;
  uint64_t argument_count;  // argv count; the rest are environment strings
  uint64_t exception_vector, exception_error_code, exception_address;  // hints only; SSA.EXITINFO decides
  uint32_t worker;  // not 0: a worker of the host looks at `queue` now
  uint32_t queue;   // kQueue…
};

}  // namespace clemmys::shield
