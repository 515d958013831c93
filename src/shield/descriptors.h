// descriptors.h: the program's descriptor numbers. They are ours: the lowest free one, as Linux promises,
// mapped to what the host calls it. A host that hands out a descriptor twice is caught here. Epoll
// registrations ("watches") keep the program's user data inside; the host sees an index and a generation.
// Threads: one lock; never held across a call.
#pragma once

#include <stdint.h>

namespace clemmys::shield {

inline constexpr uint64_t kDescriptorsMax = 4096, kHostDescriptorsMax = 65536, kWatchesMax = 8192;

enum class Kind : uint8_t { kFree, kHost, kEpoll, kDevice, kMemory };

// is_hosts: the host has a descriptor for it.
inline bool is_hosts(Kind kind) { return kind == Kind::kHost || kind == Kind::kEpoll; }

struct Descriptor {
  Kind kind;
  uint8_t device;        // kDevice: which (attestation.h); kMemory: which file (memory_files.h)
  int32_t host;          // kHost, kEpoll: the host's number
  uint32_t watch_first;  // index + 1 of the first watch on this descriptor, 0: none
  uint32_t watch_count;
  uint64_t position;  // kDevice, kMemory
};

struct Watch {
  uint32_t epoll, descriptor;
  uint32_t events;
  uint32_t generation;  // odd: in use
  uint32_t next;        // of the same descriptor; or the next free one
  uint32_t reserved;
  uint64_t data;
};

// descriptors_start knows 0, 1, 2 and 3 (a function's link to its invoker).
void descriptors_start();

// adopt gives a number to a descriptor that the host has just opened. -EMFILE when the table is full (the
// caller closes it).
int64_t adopt(int64_t host, Kind kind);
int64_t open_device(uint8_t device);
int64_t open_memory_file(uint8_t file);
// place gives a descriptor this very number, which must be free; -EBADF when it is out of range.
int64_t place(uint64_t number, const Descriptor& descriptor);
// get copies a descriptor; false: not open.
bool get(uint64_t number, Descriptor* descriptor);
// host_of: the host's number, or -EBADF.
int64_t host_of(uint64_t number);
// release frees a number and its watches, before the host is told. False: not open.
bool release(uint64_t number, Descriptor* was);
// set_position is of a device or memory file.
void set_position(uint64_t number, uint64_t position);

// watch_add, watch_change, watch_remove give 0 or -EEXIST, -ENOENT, -ENOSPC; *token is what the host gets as
// epoll data.
int64_t watch_add(uint64_t epoll, uint64_t descriptor, uint32_t events, uint64_t data, uint64_t* token);
int64_t watch_change(uint64_t epoll, uint64_t descriptor, uint32_t events, uint64_t data, uint64_t* token);
int64_t watch_remove(uint64_t epoll, uint64_t descriptor);
// watch_find turns the host's token back. kStale: removed meanwhile, drop the event. kForged: no host could
// have got it.
enum class Token : uint8_t { kGood, kStale, kForged };
Token watch_find(uint64_t epoll, uint64_t token, Watch* watch);

}  // namespace clemmys::shield
