// store.h: what the untrusted side keeps: sealed activation records, public native images by measurement,
// sealed blobs by key. Two implementations, no third: SQLite on one machine (sqlite_store.h); JetStream's
// key-value store in a cluster. Trust: untrusted; every value is ciphertext or public. Gateways check what
// comes back. Threads: calls are made on the controller's loop; completions run there too, never from inside
// the call. Invariant: a completion without error means that the change survives a crash of process and
// machine.
#pragma once

#include <functional>
#include <vector>

#include "controller/packet.h"
#include "wire/links.h"

namespace clemmys::controller {

using BlobKey = FixedBytes<32, struct BlobKeyTag>;

class Store {
 public:
  template <typename T>
  using Then = std::move_only_function<void(Result<T>)>;
  virtual ~Store() = default;  // finishes what was accepted; completions that did not run yet are dropped

  // put_record inserts or replaces. A finished record is never replaced by a pending one (kConflict). Each
  // operation may answer kExhausted at once when too many wait.
  virtual void put_record(wire::StoredRecord record, Then<void> then) = 0;
  // get_record gives zero or one record; expired ones do not exist.
  virtual void get_record(NamespaceId owner, ActivationId activation,
                          Then<std::vector<wire::StoredRecord>> then) = 0;
  // list_records gives at most kListMax records, newest start first; count_records ignores skip and limit.
  virtual void list_records(wire::ListRecords query, Then<std::vector<wire::StoredRecord>> then) = 0;
  virtual void count_records(wire::ListRecords query, Then<std::uint64_t> then) = 0;

  virtual void put_image(Measurement measurement, Packet file, Then<void> then) = 0;
  virtual void get_image(Measurement measurement, Then<Packet> then) = 0;

  virtual void put_blob(BlobKey key, Packet sealed, Then<void> then) = 0;
  virtual void get_blob(BlobKey key, Then<Packet> then) = 0;
  virtual void delete_blob(BlobKey key, Then<void> then) = 0;  // absent: no error

  static constexpr std::uint32_t kListMax = 200;  // OpenWhisk's upper limit
};

}  // namespace clemmys::controller
