// api_code.cc: an action's code between its client and the store. A native image is measured and stored as it
// is: the host loads it in clear anyway. A script is sealed here, under a key that the KMS made for it: the
// store and whoever reads it see ciphertext under a random name. The code is durable before its definition is
// made, so that every definition that a client was told of has its code.
#include "crypto/crypto.h"
#include "gateway/api.h"

namespace clemmys::gateway {
namespace {

// kCodeKeptMs: calls and instances that began just before an update may still want the old code and chain.
constexpr std::uint64_t kCodeKeptMs = 60'000;

template <typename Fixed>
Bytes keyed(const Fixed& key, ByteView content = {}) {
  Bytes body = to_bytes(key.view());
  body.insert(body.end(), content.begin(), content.end());
  return body;
}

const Error kOtherCode{ErrorCode::kInternal, "gateway.action.other_code",
                       "The store returned other code than was deployed."};

}  // namespace

Task<Status> Api::store_code(ActionPut& put) {
  Bytes code = std::move(*put.code);
  put.action.code = crypto::sha256(code);
  put.action.code_size = code.size();
  if (!wire::is_script(put.action.kind)) {
    auto measurement = context_.measure_image(code);
    if (!measurement)
      co_return Error{ErrorCode::kInvalid, "gateway.action.image",
                      "The code is not a valid enclave image: " + measurement.error().detail};
    put.action.image = *measurement;
    put.action.code_id = {};
    auto stored =
        co_await context_.controller.call(wire::ControllerFrame::kPutImage, keyed(*measurement, code));
    if (!stored) co_return stored.error();
    co_return Status();
  }
  auto answer = co_await context_.kms.change(wire::NewCode{});
  if (!answer) co_return answer.error();
  const auto key = wire::decode_code_key(*answer);
  wipe(answer->data(), answer->size());
  if (!key) co_return key.error();
  put.action.code_id = key->id;
  const Bytes sealed = wire::seal_code(*key, code);
  wipe(code.data(), code.size());
  auto stored = co_await context_.controller.call(wire::ControllerFrame::kPutBlob, keyed(key->id, sealed));
  if (!stored) co_return stored.error();
  co_return Status();
}

Task<Result<Bytes>> Api::fetch_code(const Snapshot& snapshot, const wire::Action& action) {
  if (!wire::is_script(action.kind)) {
    auto file = co_await context_.controller.call(wire::ControllerFrame::kGetImage, keyed(action.image));
    if (!file) co_return file.error();
    // The store is the host's: only the bytes that were deployed are the action's code.
    if (crypto::sha256(*file) != action.code) co_return kOtherCode;
    co_return std::move(*file);
  }
  const CodeKeyPointer key = snapshot.code_key(action.code_id);
  if (!key) co_return Error{ErrorCode::kInternal, "gateway.action.code_key"};
  auto sealed = co_await context_.controller.call(wire::ControllerFrame::kGetBlob, keyed(action.code_id));
  if (!sealed) co_return sealed.error();
  auto code = wire::open_code(*key, action.code, *sealed);
  if (!code) co_return kOtherCode;
  co_return std::move(*code);
}

void Api::drop_code(const wire::CodeId& id) {
  if (id.is_zero()) return;
  context_.controller.notify(wire::ControllerFrame::kDeleteBlob, keyed(id));
}

void Api::drop_code_later(const wire::CodeId& id) {
  if (id.is_zero()) return;
  context_.after(kCodeKeptMs, [context = shared_context_, id] {
    context->controller.notify(wire::ControllerFrame::kDeleteBlob, keyed(id));
  });
}

void Api::retire_chains(const Snapshot& before, const std::string& namespace_name) {
  const std::shared_ptr<const Snapshot> now = view_.get();
  for (const ActionPointer& old : before.actions(namespace_name)) {
    if (now->chain(old->chain)) continue;
    context_.after(kCodeKeptMs, [context = shared_context_, chain = old->chain] {
      context->controller.notify(wire::ControllerFrame::kRetireChain, keyed(chain));
    });
  }
}

}  // namespace clemmys::gateway
