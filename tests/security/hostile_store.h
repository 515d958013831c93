// hostile_store.h: a store that answers with another record than the one that was asked for: another
// activation's, or an older state.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "controller/store.h"
#include "hostile_controller.h"

namespace clemmys::testing {

class HostileStore final : public controller::Store {
 public:
  explicit HostileStore(std::unique_ptr<controller::Store> real) : real_(std::move(real)) {}

  void put_record(wire::StoredRecord record, Then<void> then) override {
    put_.push_back(record);
    real_->put_record(std::move(record), std::move(then));
  }
  void get_record(NamespaceId owner, ActivationId activation,
                  Then<std::vector<wire::StoredRecord>> then) override {
    const std::string attack = Attack::now().name;
    real_->get_record(
        owner, activation,
        [this, attack, then = std::move(then)](Result<std::vector<wire::StoredRecord>> records) mutable {
          if (records && records->size() == 1) lie(attack, records->front());
          then(std::move(records));
        });
  }
  void list_records(wire::ListRecords query, Then<std::vector<wire::StoredRecord>> then) override {
    real_->list_records(query, std::move(then));
  }
  void count_records(wire::ListRecords query, Then<std::uint64_t> then) override {
    real_->count_records(query, std::move(then));
  }
  void put_image(Measurement measurement, controller::Packet file, Then<void> then) override {
    real_->put_image(measurement, std::move(file), std::move(then));
  }
  void get_image(Measurement measurement, Then<controller::Packet> then) override {
    real_->get_image(measurement, std::move(then));
  }
  void put_blob(controller::BlobKey key, controller::Packet sealed, Then<void> then) override {
    blobs_.push_back(to_bytes(sealed.view()));
    real_->put_blob(key, std::move(sealed), std::move(then));
  }
  void get_blob(controller::BlobKey key, Then<controller::Packet> then) override {
    const std::string attack = Attack::now().name;
    real_->get_blob(key, [this, attack, then = std::move(then)](Result<controller::Packet> blob) mutable {
      if (blob) blob = lie(attack, std::move(*blob));
      then(std::move(blob));
    });
  }
  void delete_blob(controller::BlobKey key, Then<void> then) override {
    real_->delete_blob(key, std::move(then));
  }

 private:
  // lie keeps what the gateway asked for in the record's open fields and puts other sealed bytes under them.
  void lie(const std::string& attack, wire::StoredRecord& record) const {
    if (attack == "edit-record") return edit(record);
    for (const wire::StoredRecord& other : put_) {
      const bool same = other.activation == record.activation;
      const bool fits = attack == "other-record"
                            ? !same && other.state == record.state
                            : attack == "older-record" && same && other.state != record.state;
      if (!fits) continue;
      Attack::log("applied " + attack);
      record.sealed = other.sealed;
      return;
    }
  }

  // edit makes step "first" a step "forge" where it can read the record, and flips a bit where it cannot.
  static void edit(wire::StoredRecord& record) {
    constexpr std::string_view kOld = "first:", kNew = "forge:";
    Attack::log("applied edit-record");
    const auto found = std::ranges::search(record.sealed, kOld);
    if (found.empty()) {
      record.sealed[record.sealed.size() / 2] ^= 1;
    } else {
      std::ranges::copy(kNew, found.begin());
    }
  }

  // lie about sealed code: a flipped bit, what was stored before it, or nothing.
  Result<controller::Packet> lie(const std::string& attack, controller::Packet blob) const {
    const bool tried = attack == "changed-code" || attack == "older-code" || attack == "no-code";
    if (!tried) return blob;
    Attack::log("applied " + attack);
    if (attack == "no-code") return Error{ErrorCode::kNotFound, "test.no_code"};
    if (attack == "older-code") return controller::Packet::copy_of(blobs_.at(blobs_.size() - 2));
    blob.writable()[blob.size() / 2] ^= 1;
    return blob;
  }

  std::unique_ptr<controller::Store> real_;
  std::vector<Bytes> blobs_;  // in the order in which they came
  std::vector<wire::StoredRecord> put_;
};

}  // namespace clemmys::testing
