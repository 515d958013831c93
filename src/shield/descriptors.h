// descriptors.h: the program's descriptor numbers. They are ours: the lowest free one, as Linux promises,
// mapped to what the host calls it. A host that hands out a descriptor twice is caught here. Epoll
// registrations ("watches") keep the program's user data inside; the host sees an index and a generation.
// Threads: one lock; never held across a call.
#pragma once

#include <stdint.h>

namespace clemmys::shield {

inline constexpr uint64_t kDescriptorsMax = 16384, kHostDescriptorsMax = 65536, kWatchesMax = 32768;

enum class Kind : uint8_t { kFree, kHost, kEpoll, kDevice, kImage, kCharacter };

// is_hosts: the host has a descriptor for it.
inline bool is_hosts(Kind kind) { return kind == Kind::kHost || kind == Kind::kEpoll; }

struct Descriptor {
  Kind kind;
  uint16_t device;       // kDevice: which open one (attestation.h); kCharacter: which (character_devices.h);
                         // kImage: which file (image_files.h)
  uint8_t domain;        // kHost: AF_… of a socket that the program made; 0: no socket, or not known
  int32_t host;          // kHost, kEpoll: the host's number
  uint32_t watch_first;  // index + 1 of the first watch on this descriptor, 0: none
  uint64_t position;     // of what open_own opened
};

struct Watch {
  uint32_t epoll, descriptor;
  uint32_t events;
  uint32_t generation;  // odd: in use; moves on with every change, so that the host cannot use an old token
  uint32_t next;        // of the same descriptor; or the next free one
  bool disarmed;        // EPOLLONESHOT, and has been reported
  uint64_t data;
  uint64_t answer;  // the answer that last reported it (watches_ready)
};

// EpollEvent is struct epoll_event.
struct __attribute__((packed)) EpollEvent {
  uint32_t events;
  uint64_t data;
};
static_assert(sizeof(EpollEvent) == 12);

// Reported without being asked for, by epoll and poll alike: EPOLLERR, EPOLLHUP.
inline constexpr uint32_t kAlwaysReported = 0x8 | 0x10;

// descriptors_start knows 0, 1, 2 and 3 (a function's link to its invoker).
void descriptors_start();

// adopt gives a number to a descriptor that the host has just opened. -EMFILE when the table is full (the
// caller closes it).
int64_t adopt(int64_t host, Kind kind, uint8_t domain = 0);
// adopt_answer is adopt, closes what got no number, and passes an errno on. adopt_pair does so for the two
// descriptors that the host wrote at `place`, and gives the program both numbers or none (io_calls.cc).
class Bounce;
int64_t adopt_answer(int64_t host, Kind kind = Kind::kHost, uint8_t domain = 0);
int64_t adopt_pair(const Bounce& bounce, uint64_t place, uint64_t pair, uint8_t domain);
// place_open gives this free number to a descriptor of the host's (or closes it, -errno); close_open is
// close.
int64_t place_open(uint64_t number, int64_t host);
void close_open(uint64_t number);
// open_own gives a number to something of the shield's (own_files.h).
int64_t open_own(Kind kind, uint16_t which);
// place gives a descriptor this very number, which must be free; -EBADF when it is out of range.
int64_t place(uint64_t number, const Descriptor& descriptor);
// get copies a descriptor; false: not open.
bool get(uint64_t number, Descriptor* descriptor);
// host_of: the host's number, or -EBADF.
int64_t host_of(uint64_t number);
// release frees a number and its watches, before the host is told. False: not open.
bool release(uint64_t number, Descriptor* was);
// set_position is of what open_own opened.
void set_position(uint64_t number, uint64_t position);

// watch_add, watch_change, watch_remove give 0 or -EEXIST, -ENOENT, -ENOSPC; *token is what the host gets as
// epoll data.
int64_t watch_add(uint64_t epoll, uint64_t descriptor, uint32_t events, uint64_t data, uint64_t* token);
int64_t watch_change(uint64_t epoll, uint64_t descriptor, uint32_t events, uint64_t data, uint64_t* token,
                     Watch* before);
// watch_put_back undoes a watch_change that the host refused.
void watch_put_back(uint64_t epoll, uint64_t descriptor, uint64_t token, const Watch& before);
int64_t watch_remove(uint64_t epoll, uint64_t descriptor);
// watches_ready turns one answer of epoll_wait, in place, into what the program may see: its user data for
// the host's tokens, and of the events those that it asked for. How many are left. Events of registrations
// that are gone or have changed meanwhile are dropped (Linux looks again after a change), a one-shot
// registration reports once. Stops at a token that was never given out, and at a registration named twice in
// one answer: programs free what belongs to a registration when they handle its event.
uint64_t watches_ready(uint64_t epoll, EpollEvent* events, uint64_t count);

}  // namespace clemmys::shield
