#include "enclave/conformance/conformance.h"

#include <gtest/gtest.h>

extern "C" const std::uint8_t conformance_code[], conformance_code_end[];

namespace clemmys::enclave::conformance {
namespace {

Bytes page_of(ByteView content) {
  Bytes page(sgx::kPageSize);
  std::ranges::copy(content, page.begin());
  return page;
}

Bytes tcs_page(std::uint64_t offset) {
  sgx::Tcs tcs{};
  tcs.ossa = offset + sgx::kPageSize;
  tcs.nssa = 2;
  tcs.ofsbase = kData;
  tcs.ogsbase = kData + sgx::kPageSize;
  tcs.fslimit = tcs.gslimit = ~0u;
  return to_bytes(ByteView(reinterpret_cast<const std::uint8_t*>(&tcs), sizeof tcs));
}

}  // namespace

std::vector<Page> pages(const Variant& variant) {
  const auto read_write = sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoWrite);
  std::vector<Page> out;
  out.push_back({0, page_of({conformance_code, conformance_code_end}),
                 sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoExecute)});
  for (std::uint64_t at = kData; at < kData + kDataSize; at += sgx::kPageSize)
    out.push_back({at, Bytes(sgx::kPageSize), read_write});
  out.push_back({kReadOnly, Bytes(sgx::kPageSize, variant.mark), sgx::secinfo_regular(sgx::kSecinfoRead)});
  for (std::uint64_t i = 0; i < kThreadCount; ++i) {
    out.push_back({tcs_offset(i), tcs_page(tcs_offset(i)), sgx::secinfo_tcs()});
    out.push_back({tcs_offset(i) + sgx::kPageSize, Bytes(sgx::kPageSize), read_write, false});
    out.push_back({tcs_offset(i) + 2 * sgx::kPageSize, Bytes(sgx::kPageSize), read_write, false});
  }
  return out;
}

sgx::Secs secs(const Variant& variant) {
  sgx::Secs secs{};
  secs.size = variant.size;
  secs.ssaframesize = 1;
  secs.miscselect = sgx::kMiscExinfo;
  secs.attributes = {variant.attribute_flags, sgx::kXfrmLegacy | sgx::kXfrmAvx};
  secs.configid[0] = variant.configuration;
  secs.configsvn = variant.configuration;
  return secs;
}

Measurement measurement(const Variant& variant, const std::vector<Page>& all) {
  sgx::MeasurementLog log(1, variant.size);
  for (const Page& page : all) {
    log.add(page.offset, page.flags);
    for (std::size_t at = 0; page.measure && at < sgx::kPageSize; at += sgx::kExtendChunkSize)
      log.extend(page.offset + at, std::span<const std::uint8_t, sgx::kExtendChunkSize>(
                                       page.content.data() + at, sgx::kExtendChunkSize));
  }
  return log.finish();
}
Measurement measurement(const Variant& variant) { return measurement(variant, pages(variant)); }

const sgx::SigningKey& signing_key() {
  static const sgx::SigningKey key = sgx::SigningKey::generate().value();
  return key;
}

sgx::Sigstruct sigstruct(const Variant& variant) { return sigstruct(variant, measurement(variant)); }
sgx::Sigstruct sigstruct(const Variant& variant, const Measurement& measured) {
  sgx::SigstructTerms terms;
  terms.measurement = measured;
  terms.attributes = secs(variant).attributes;
  terms.attribute_mask = {~std::uint64_t{0}, ~std::uint64_t{0}};
  terms.miscselect = secs(variant).miscselect;
  terms.miscmask = ~0u;
  terms.product_id = variant.product_id;
  terms.security_version = variant.security_version;
  sgx::Sigstruct out = sgx::sigstruct_of(terms);
  EXPECT_TRUE(sgx::sign_sigstruct(out, signing_key()));
  return out;
}

std::unique_ptr<Enclave> build(Platform& platform, const Variant& variant) {
  return build(platform, variant, pages(variant));
}
std::unique_ptr<Enclave> build(Platform& platform, const Variant& variant, const std::vector<Page>& all) {
  auto created = platform.create(secs(variant));
  if (!created) throw std::runtime_error(to_string(created.error()));
  for (const Page& page : all) {
    const Status status = (*created)->add_pages(page.offset, page.content, page.flags, page.measure);
    if (!status) throw std::runtime_error(to_string(status.error()));
  }
  const Status status = (*created)->initialize(sigstruct(variant, measurement(variant, all)));
  if (!status) throw std::runtime_error(to_string(status.error()));
  return std::move(*created);
}

Outcome call(Enclave& enclave, Command command, std::uint64_t rsi, std::uint64_t rdx, std::uint64_t r8,
             std::uint64_t r9, std::uint64_t thread) {
  Outcome outcome;
  outcome.run = {.tcs = enclave.base() + tcs_offset(thread),
                 .rdi = static_cast<std::uint64_t>(command),
                 .rsi = rsi,
                 .rdx = rdx,
                 .r8 = r8,
                 .r9 = r9};
  outcome.status = enclave.enter(outcome.run);
  return outcome;
}

Handled handle(Enclave& enclave, std::uint64_t skip, std::uint64_t thread) {
  Run run{.tcs = enclave.base() + tcs_offset(thread), .rsi = skip};
  const Status status = enclave.enter(run);
  EXPECT_TRUE(status) << to_string(status.error());
  EXPECT_EQ(run.exit, Exit::kExit);
  return {static_cast<std::uint32_t>(run.rdi), run.rsi, run.r8, static_cast<std::uint32_t>(run.r9)};
}

Outcome resume(Enclave& enclave, std::uint64_t thread) {
  Outcome outcome;
  outcome.run = {.tcs = enclave.base() + tcs_offset(thread), .leaf = sgx::EnterLeaf::kEresume};
  outcome.status = enclave.enter(outcome.run);
  return outcome;
}

Outcome leaf(Enclave& enclave, sgx::UserLeaf number, std::uint64_t rbx, std::uint64_t rcx, std::uint64_t rdx,
             std::uint64_t thread) {
  return call(enclave, Command::kLeaf, static_cast<std::uint64_t>(number), rbx, rcx, rdx, thread);
}

void copy_in(Enclave& enclave, std::uint64_t offset, ByteView bytes) {
  const Outcome outcome = call(enclave, Command::kCopy, reinterpret_cast<std::uint64_t>(bytes.data()),
                               enclave.base() + offset, bytes.size());
  EXPECT_TRUE(outcome.status);
  EXPECT_EQ(outcome.run.exit, Exit::kExit);
}

Bytes copy_out(Enclave& enclave, std::uint64_t offset, std::uint64_t size) {
  Bytes out(size);
  const Outcome outcome = call(enclave, Command::kCopy, enclave.base() + offset,
                               reinterpret_cast<std::uint64_t>(out.data()), size);
  EXPECT_TRUE(outcome.status);
  EXPECT_EQ(outcome.run.exit, Exit::kExit);
  return out;
}

}  // namespace clemmys::enclave::conformance
