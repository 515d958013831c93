// enclu.h: the leaf functions that run inside, and what else the processor itself answers: randomness and its
// time stamp counter, which a hypervisor may shift.
#pragma once

#include <stdint.h>

#include "sgx/arch.h"

namespace clemmys::shield {

#ifdef CLEMMYS_SHIELD_HOSTED  // testing/fake_host.cc
uint64_t accept_page(uint64_t address, sgx::SecinfoFlags flags);
void ereport(const sgx::TargetInfo* target, const uint8_t* report_data, sgx::Report* report);
uint64_t egetkey(const sgx::KeyRequest* request, uint8_t* key);
uint64_t time_stamp_counter();
void let_the_worker_run();
#else
inline void let_the_worker_run() { __builtin_ia32_pause(); }
inline uint64_t time_stamp_counter() { return __builtin_ia32_rdtsc(); }

// accept_page is EACCEPT of one page in just this state: PENDING after EAUG, PR after EMODPR. 0 or the SGX
// error code.
inline uint64_t accept_page(uint64_t address, sgx::SecinfoFlags flags) {
  sgx::Secinfo secinfo{};
  secinfo.flags = flags;
  uint64_t leaf = static_cast<uint64_t>(sgx::UserLeaf::kEaccept);
  asm volatile(".byte 0x0f, 0x01, 0xd7" : "+a"(leaf) : "b"(&secinfo), "c"(address) : "memory", "cc");
  return leaf;
}

// extend_page is EMODPE: adds permissions to a page of ours. It cannot fail on a page that exists.
inline void extend_page(uint64_t address, sgx::SecinfoFlags flags) {
  sgx::Secinfo secinfo{};
  secinfo.flags = flags;
  asm volatile(".byte 0x0f, 0x01, 0xd7" ::"a"(uint64_t(sgx::UserLeaf::kEmodpe)), "b"(&secinfo), "c"(address)
               : "memory", "cc");
}

inline void ereport(const sgx::TargetInfo* target, const uint8_t* report_data, sgx::Report* report) {
  asm volatile(".byte 0x0f, 0x01, 0xd7" ::"a"(uint64_t(sgx::UserLeaf::kEreport)), "b"(target),
               "c"(report_data), "d"(report)
               : "memory", "cc");
}

// egetkey: 0 or the SGX error code.
inline uint64_t egetkey(const sgx::KeyRequest* request, uint8_t* key) {
  uint64_t leaf = static_cast<uint64_t>(sgx::UserLeaf::kEgetkey);
  asm volatile(".byte 0x0f, 0x01, 0xd7" : "+a"(leaf) : "b"(request), "c"(key) : "memory", "cc");
  return leaf;
}

#endif

// hardware_random: 64 bits of RDRAND; false when the generator stays empty.
inline bool hardware_random(uint64_t* value) {
  for (int attempt = 0; attempt < 64; ++attempt) {
    uint8_t ok;
    asm volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(ok) : : "cc");
    if (ok) return true;
    __builtin_ia32_pause();
  }
  return false;
}

}  // namespace clemmys::shield
