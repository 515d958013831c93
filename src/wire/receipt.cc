#include "wire/receipt.h"

#include "crypto/crypto.h"

namespace clemmys::wire {
namespace {

void write_claim(Writer& writer, const ReceiptEntry& entry) {
  writer.fixed(entry.function);
  writer.fixed(entry.image);
  writer.fixed(entry.code);
  writer.fixed(entry.input);
  writer.fixed(entry.output);
  writer.u64(entry.cpu_ns);
  writer.fixed(entry.salt);
}

// claim_mac binds an entry to its activation, chain and position, so that entries cannot be moved between
// activations.
Digest claim_mac(const Key& receipt_key_of_step, const Header& request, std::uint16_t step,
                 const ReceiptEntry& entry) {
  Writer claim;
  claim.raw(as_bytes("clemmys/receipt-entry/v1"));
  claim.fixed(request.activation);
  claim.fixed(request.chain_digest);
  claim.u16(step);
  write_claim(claim, entry);
  return crypto::keyed_digest(receipt_key_of_step, claim.bytes());
}

}  // namespace

void write(Writer& writer, const ReceiptEntry& entry) {
  write_claim(writer, entry);
  writer.fixed(entry.mac);
}

ReceiptEntry read_receipt_entry(Reader& reader) {
  ReceiptEntry entry;
  entry.function = reader.fixed<FunctionId>();
  entry.image = reader.fixed<Measurement>();
  entry.code = reader.fixed<Digest>();
  entry.input = reader.fixed<Digest>();
  entry.output = reader.fixed<Digest>();
  entry.cpu_ns = reader.u64();
  entry.salt = reader.fixed<Salt>();
  entry.mac = reader.fixed<decltype(entry.mac)>();
  return entry;
}

ReceiptEntry make_receipt(const Key& return_key_of_step, const Header& request, const Key& blinding,
                          FunctionId function, Measurement image, Digest code, ByteView input,
                          ByteView output, std::uint64_t cpu_ns) {
  return sign_receipt(receipt_key(return_key_of_step), request, blinding, function, image, code, input,
                      output, cpu_ns);
}

ReceiptEntry sign_receipt(const Key& receipt_key_of_step, const Header& request, const Key& blinding,
                          FunctionId function, Measurement image, Digest code, ByteView input,
                          ByteView output, std::uint64_t cpu_ns) {
  ReceiptEntry entry{.function = function,
                     .image = image,
                     .code = code,
                     .input = crypto::keyed_digest(blinding, input),
                     .output = crypto::keyed_digest(blinding, output),
                     .cpu_ns = cpu_ns,
                     .salt = crypto::random_fixed<Salt>(),
                     .mac = {}};
  entry.mac.bytes = claim_mac(receipt_key_of_step, request, request.step, entry).bytes;
  return entry;
}

bool receipt_is_signed(const Key& receipt_key_of_step, const Header& request, std::uint16_t step,
                       const ReceiptEntry& entry) {
  return equal_constant_time(claim_mac(receipt_key_of_step, request, step, entry).view(), entry.mac.view());
}

bool receipt_is_genuine(const Key& return_key_of_step, const Header& request, std::uint16_t step,
                        const ReceiptEntry& entry) {
  return receipt_is_signed(receipt_key(return_key_of_step), request, step, entry);
}

}  // namespace clemmys::wire
