#include "softsgx/registry.h"

#include <vector>

#include "base/check.h"
#include "softsgx/spinlock.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {
Spinlock lock;
std::vector<State*>& enclaves() {
  static auto* const all = new std::vector<State*>;  // outlives every thread
  return *all;
}
}  // namespace

void register_enclave(State& state) {
  enclaves().reserve(1);  // made outside any handler
  const SpinGuard guard(lock);
  enclaves().push_back(&state);
}

bool unregister_enclave(State& state) {
  const SpinGuard guard(lock);
  if (state.users.load() != 0) return false;
  std::erase(enclaves(), &state);
  return true;
}

State* find_enclave(std::uint64_t address) {
  const SpinGuard guard(lock);
  for (State* state : enclaves()) {
    if (!state->contains(address)) continue;
    ++state->users;
    return state;
  }
  return nullptr;
}

void release_enclave(State& state) { --state.users; }

void enclaves_after_fork() {
  lock.unlock();  // whoever held it is not here
  for (State* state : enclaves()) CHECK(state->range.reopen());
}

}  // namespace clemmys::softsgx
