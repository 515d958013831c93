// registry.h: the enclaves of this process by address, for handlers that see an address and nothing else.
#pragma once

#include <cstdint>

namespace clemmys::softsgx {

struct State;

void register_enclave(State& state);
// unregister_enclave is final: nobody finds the enclave again. False: a thread is inside, and nothing
// changed.
bool unregister_enclave(State& state);

// find_enclave gives the enclave whose range holds `address`, with a use that keeps it alive until
// release_enclave; null when there is none.
State* find_enclave(std::uint64_t address);
void release_enclave(State& state);

// enclaves_after_fork makes the enclaves of a child that inherited them (range.h) its own copies.
void enclaves_after_fork();

}  // namespace clemmys::softsgx
