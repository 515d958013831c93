// device.h: /dev/sgx_enclave as the Linux driver behaves, over an emulated processor: one Device for each
// time the node was opened. What the driver checks in which order, its error numbers and the partial progress
// of a call are the kernel's. Threads: any; a second ioctl on the same Device while one runs is EBUSY, as
// there. Source: Linux Documentation/arch/x86/sgx.rst; behaviour of
// arch/x86/kernel/cpu/sgx/{driver,ioctl,encl}.c.
#pragma once

#include <asm/sgx.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "softsgx/enclave.h"
#include "softsgx/intervals.h"

namespace clemmys::softsgx {

class Device {
 public:
  // is_provision says whether a descriptor of this process is /dev/sgx_provision.
  Device(std::shared_ptr<const Machine> machine, std::function<bool(std::uint64_t fd)> is_provision);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // ioctl gives 0 or -errno. `argument` is the program's pointer.
  long ioctl(unsigned long request, void* argument);

  // opened_read_only: what is mapped cannot become writable.
  void opened_read_only() { read_only_ = true; }
  // may_map is the driver's word on a mapping of [begin, end) with these PROT_ bits: 0 or -EACCES.
  int may_map(std::uint64_t begin, std::uint64_t end, int protection) const;
  // map and unmap note what the program has mapped; memory inside the enclave's range follows.
  void map(std::uint64_t begin, std::uint64_t end, int protection);
  void unmap(std::uint64_t begin, std::uint64_t end);
  bool mapped() const;
  // mappings: the program's addresses and PROT_ bits.
  std::vector<Intervals<int>::Interval> mappings() const;
  bool maps_all(std::uint64_t begin, std::uint64_t end) const;
  bool maps_any(std::uint64_t begin, std::uint64_t end) const;
  // range is the enclave's [first, last); empty before ECREATE. contains: all of [begin, end) lies in it.
  std::pair<std::uint64_t, std::uint64_t> range() const;
  bool contains(std::uint64_t begin, std::uint64_t end) const;
  // debug is what the driver does for a debugger: reads, or writes, the bytes at an address that is mapped. 0
  // or less: refused; else how many it did.
  long debug(std::uint64_t address, std::uint8_t* bytes, std::size_t size, bool write);
  // overlaps: some of [begin, end) lies in the range, or is mapped.
  bool overlaps(std::uint64_t begin, std::uint64_t end) const;
  // idle: no thread is inside, so the Device may go.
  bool idle() const;

  // partial_every: every so many calls over several pages stops after the first one, as a signal makes it. 0:
  // never.
  static std::atomic<unsigned> partial_every;

 private:
  long create(const void* argument);
  long add_pages(void* argument);
  long add_page(const sgx_enclave_add_pages& terms, const sgx::Secinfo& secinfo, std::uint64_t done);
  long initialize(const void* argument);
  long provision(const void* argument);
  long restrict_permissions(void* argument);
  long modify_types(void* argument);
  long remove_pages(void* argument);
  long restrict_page(std::uint64_t offset, std::uint64_t permissions, __u64& result);
  long modify_page(std::uint64_t offset, sgx::PageType type, __u64& result);
  long remove_page(std::uint64_t offset);
  template <typename Argument, typename Step>
  long each_page(void* user, Argument& argument, Step step);
  bool valid_range(std::uint64_t offset, std::uint64_t length) const;
  int protection_max(std::uint64_t page) const;

  std::shared_ptr<const Machine> machine_;
  std::function<bool(std::uint64_t)> is_provision_;
  std::atomic<bool> busy_{false}, read_only_{false};
  bool initialized_ = false;
  std::uint64_t attributes_ = 0, attributes_allowed_;
  std::unique_ptr<Enclave> enclave_;
  mutable std::mutex lock_;             // the two tables
  Intervals<int> build_protection_;     // offsets → PROT_ bits that the driver lets be mapped, of pages added
  Intervals<int> mapped_;               // addresses → PROT_ bits
  static std::atomic<unsigned> calls_;  // over several pages
};

}  // namespace clemmys::softsgx
