#include "shield/descriptors.h"

#include "shield/host.h"
#include "shield/lock.h"
#include "shield/pages.h"

namespace clemmys::shield {
namespace {

Lock lock;
Descriptor* table;        // kDescriptorsMax
uint64_t* host_used;      // bitmap, kHostDescriptorsMax
Watch* watches;           // kWatchesMax
uint32_t watch_high = 0;  // entries ever used
uint32_t watch_free = 0;  // index + 1 of the first free entry below watch_high
uint64_t answers = 0;     // of epoll_wait, counted
uint64_t lowest_free = 0;

bool is_open(uint64_t number) { return number < kDescriptorsMax && table[number].kind != Kind::kFree; }

void set_host_used(int32_t host, bool used) {
  uint64_t& word = host_used[host / 64];
  const uint64_t bit = 1ull << (host % 64);
  word = used ? word | bit : word & ~bit;
}

int64_t take_number(const Descriptor& descriptor) {
  uint64_t number = lowest_free;
  while (number < kDescriptorsMax && table[number].kind != Kind::kFree) ++number;
  if (number == kDescriptorsMax) return -EMFILE;
  table[number] = descriptor;
  lowest_free = number + 1;
  return static_cast<int64_t>(number);
}

uint32_t* link_of(uint64_t epoll, uint64_t descriptor) {
  for (uint32_t* link = &table[descriptor].watch_first; *link != 0; link = &watches[*link - 1].next) {
    if (watches[*link - 1].epoll == epoll) return link;
  }
  return nullptr;
}

void free_watch(uint32_t* link) {
  const uint32_t index = *link - 1;
  Watch& watch = watches[index];
  *link = watch.next;
  ++watch.generation;
  watch.next = watch_free;
  watch_free = index + 1;
}

uint64_t token_of(uint32_t index) { return uint64_t{watches[index].generation} << 32 | index; }

}  // namespace

void descriptors_start() {
  table = static_cast<Descriptor*>(arena_take(kDescriptorsMax * sizeof(Descriptor)));
  host_used = static_cast<uint64_t*>(arena_take(kHostDescriptorsMax / 8));
  watches = static_cast<Watch*>(arena_take(kWatchesMax * sizeof(Watch)));
  watch_high = watch_free = 0;
  lowest_free = 0;
  for (int32_t host = 0; host <= 3; ++host) adopt(host, Kind::kHost);
}

int64_t adopt(int64_t host, Kind kind, uint8_t domain) {
  if (host < 0) return host;
  refuse_if(host >= static_cast<int64_t>(kHostDescriptorsMax), "descriptors.host_number");
  Guard guard(lock);
  const auto number_at_host = static_cast<int32_t>(host);
  refuse_if((host_used[host / 64] >> (host % 64) & 1) != 0, "descriptors.host_reuse");
  const int64_t number = take_number({.kind = kind, .domain = domain, .host = number_at_host});
  if (number >= 0) set_host_used(number_at_host, true);
  return number;
}

int64_t open_own(Kind kind, uint16_t which) {
  Guard guard(lock);
  return take_number({.kind = kind, .device = which, .host = -1});
}

int64_t place(uint64_t number, const Descriptor& descriptor) {
  Guard guard(lock);
  if (number >= kDescriptorsMax) return -EBADF;
  if (is_open(number)) return -EBUSY;
  if (is_hosts(descriptor.kind)) {
    refuse_if((host_used[descriptor.host / 64] >> (descriptor.host % 64) & 1) != 0, "descriptors.host_reuse");
    set_host_used(descriptor.host, true);
  }
  table[number] = {.kind = descriptor.kind,
                   .device = descriptor.device,
                   .domain = descriptor.domain,
                   .host = descriptor.host};
  return static_cast<int64_t>(number);
}

bool get(uint64_t number, Descriptor* descriptor) {
  Guard guard(lock);
  if (!is_open(number)) return false;
  *descriptor = table[number];
  return true;
}

int64_t host_of(uint64_t number) {
  Guard guard(lock);
  if (!is_open(number) || !is_hosts(table[number].kind)) return -EBADF;
  return table[number].host;
}

bool release(uint64_t number, Descriptor* was) {
  Guard guard(lock);
  if (!is_open(number)) return false;
  while (table[number].watch_first != 0) free_watch(&table[number].watch_first);
  if (table[number].kind == Kind::kEpoll) {
    for (uint32_t index = 0; index < watch_high; ++index) {
      if ((watches[index].generation & 1) == 0 || watches[index].epoll != number) continue;
      free_watch(link_of(number, watches[index].descriptor));
    }
  }
  *was = table[number];
  if (is_hosts(was->kind)) set_host_used(was->host, false);
  table[number] = {};
  if (number < lowest_free) lowest_free = number;
  return true;
}

void set_position(uint64_t number, uint64_t position) {
  Guard guard(lock);
  if (is_open(number)) table[number].position = position;
}

int64_t watch_add(uint64_t epoll, uint64_t descriptor, uint32_t events, uint64_t data, uint64_t* token) {
  Guard guard(lock);
  if (!is_open(epoll) || !is_open(descriptor)) return -EBADF;
  if (table[epoll].kind != Kind::kEpoll || epoll == descriptor) return -EINVAL;
  if (!is_hosts(table[descriptor].kind)) return -EPERM;
  if (link_of(epoll, descriptor) != nullptr) return -EEXIST;
  uint32_t index;
  if (watch_free != 0) {
    index = watch_free - 1;
    watch_free = watches[index].next;
  } else if (watch_high < kWatchesMax) {
    index = watch_high++;
  } else {
    return -ENOSPC;
  }
  Watch& watch = watches[index];
  watch = {.epoll = static_cast<uint32_t>(epoll),
           .descriptor = static_cast<uint32_t>(descriptor),
           .events = events,
           .generation = watch.generation + 1,
           .next = table[descriptor].watch_first,
           .data = data};
  table[descriptor].watch_first = index + 1;
  *token = token_of(index);
  return 0;
}

int64_t watch_change(uint64_t epoll, uint64_t descriptor, uint32_t events, uint64_t data, uint64_t* token,
                     Watch* before) {
  Guard guard(lock);
  if (!is_open(epoll) || !is_open(descriptor)) return -EBADF;
  uint32_t* link = link_of(epoll, descriptor);
  if (link == nullptr) return -ENOENT;
  Watch& watch = watches[*link - 1];
  *before = watch;
  watch.events = events;
  watch.data = data;
  watch.disarmed = false;
  watch.generation += 2;
  *token = token_of(*link - 1);
  return 0;
}

void watch_put_back(uint64_t epoll, uint64_t descriptor, uint64_t token, const Watch& before) {
  Guard guard(lock);
  uint32_t* link = is_open(descriptor) ? link_of(epoll, descriptor) : nullptr;
  if (link == nullptr || token_of(*link - 1) != token) return;
  Watch& watch = watches[*link - 1];
  watch.events = before.events;
  watch.data = before.data;
  watch.disarmed = before.disarmed;
  watch.generation = before.generation;
}

int64_t watch_remove(uint64_t epoll, uint64_t descriptor) {
  Guard guard(lock);
  if (!is_open(epoll) || !is_open(descriptor)) return -EBADF;
  uint32_t* link = link_of(epoll, descriptor);
  if (link == nullptr) return -ENOENT;
  free_watch(link);
  return 0;
}

uint64_t watches_ready(uint64_t epoll, EpollEvent* events, uint64_t count) {
  constexpr uint32_t kOneShot = 1u << 30;  // EPOLLONESHOT
  Guard guard(lock);
  ++answers;
  uint64_t kept = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t index = events[i].data & 0xffffffff, generation = events[i].data >> 32;
    refuse_if(index >= watch_high || generation > watches[index].generation || (generation & 1) == 0,
              "events.forged_token");
    Watch& watch = watches[index];
    if (generation != watch.generation) continue;
    refuse_if(watch.epoll != epoll, "events.other_epoll");
    refuse_if(watch.answer == answers, "events.twice");
    watch.answer = answers;
    const uint32_t ready = events[i].events & (watch.events | kAlwaysReported);
    if (ready == 0 || watch.disarmed) continue;
    watch.disarmed = (watch.events & kOneShot) != 0;
    events[kept++] = {ready, watch.data};
  }
  return kept;
}

}  // namespace clemmys::shield
