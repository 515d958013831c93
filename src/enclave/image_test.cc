#include "enclave/image.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "base/codec.h"
#include "enclave/conformance/conformance.h"

namespace clemmys::enclave {
namespace {

using conformance::Page;
using conformance::Variant;

// stream_of is the record stream of some pages; `edit` sees each page before it is written.
Bytes stream_of(const std::vector<Page>& pages) {
  Writer out;
  out.raw(sgx::ecreate_record(1, conformance::kSize));
  for (const Page& page : pages) {
    out.raw(sgx::eadd_record(page.offset, page.flags));
    for (std::uint64_t at = 0; page.measure && at < sgx::kPageSize; at += sgx::kExtendChunkSize) {
      out.raw(sgx::eextend_record(page.offset + at));
      out.raw(ByteView(page.content).subspan(at, sgx::kExtendChunkSize));
    }
  }
  return out.take();
}

Bytes file_of(ByteView stream, const sgx::Sigstruct& sigstruct) {
  Writer out;
  out.raw(stream);
  out.raw({reinterpret_cast<const std::uint8_t*>(&sigstruct), sizeof sigstruct});
  out.raw(as_bytes("CLMYSIMG"));
  out.u32(1);
  out.u64(stream.size());
  return out.take();
}

Bytes good_file(const Variant& variant = {}) {
  return file_of(stream_of(conformance::pages(variant)), conformance::sigstruct(variant));
}

std::string refusal(ByteView file) {
  const auto result = parse_image(file);
  if (result) return "accepted";
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
  return result.error().detail;
}

// refusal_of_pages: the stream is wrong before any signature matters.
std::string refusal_of_pages(const std::vector<Page>& pages) {
  return refusal(file_of(stream_of(pages), conformance::sigstruct({})));
}

TEST(Image, InfoComesFromTheStream) {
  const Variant variant{.mark = 9, .security_version = 4, .product_id = 3};
  const ImageInfo info = parse_image(good_file(variant)).value();
  EXPECT_EQ(info.measurement, conformance::measurement(variant));
  EXPECT_EQ(info.signer, sgx::signer_of(conformance::sigstruct(variant)));
  EXPECT_EQ(info.security_version, 4);
  EXPECT_EQ(info.product_id, 3);
  EXPECT_FALSE(info.debug);
  EXPECT_EQ(info.thread_count, conformance::kThreadCount);
  EXPECT_EQ(info.measured_size, 14 * sgx::kPageSize);
}

TEST(Image, DebugIsSaid) {
  EXPECT_TRUE(
      parse_image(good_file({.attribute_flags = sgx::kAttributeMode64 | sgx::kAttributeDebug}))->debug);
}

TEST(Image, LoadedEnclaveRuns) {
  auto enclave = load_image(conformance::test_platform(), good_file()).value();
  EXPECT_EQ(conformance::call(*enclave, conformance::Command::kEcho, 20, 3).run.rdi, 23u);
  EXPECT_EQ(conformance::copy_out(*enclave, conformance::kReadOnly, 16), Bytes(16, 0));
}

TEST(Image, LoadingRefusesAnotherMeasurementsSignature) {
  const Bytes file = file_of(stream_of(conformance::pages({.mark = 1})), conformance::sigstruct({}));
  EXPECT_FALSE(load_image(conformance::test_platform(), file));
}

TEST(Image, RefusesWhatIsNoImage) {
  EXPECT_EQ(refusal({}), "too short");
  Bytes file = good_file();
  file[file.size() - 20] ^= 1;
  EXPECT_EQ(refusal(file), "the footer's magic is missing: not an image");
  file = good_file();
  file[file.size() - 12] = 2;
  EXPECT_EQ(refusal(file), "version 2");
  file = good_file();
  file[file.size() - 7] ^= 1;
  EXPECT_EQ(refusal(file), "the footer's stream size is wrong");
}

// A measured heap of 8 GiB makes a file of 11. Only the last page of this one is looked at.
TEST(Image, MayBeAsLargeAsTheLargestHeap) {
  constexpr std::uint64_t kGiB = 1ull << 30, kMapped = 17 * kGiB;
  void* memory = ::mmap(nullptr, kMapped, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const ByteView zeros(static_cast<const std::uint8_t*>(memory), kMapped);
  EXPECT_EQ(refusal(zeros.first(12 * kGiB)), "the footer's magic is missing: not an image");
  EXPECT_EQ(refusal(zeros), "larger than 16 GiB");
  ::munmap(memory, kMapped);
}

TEST(Image, RefusesEveryTruncation) {
  const Bytes file = good_file();
  for (std::size_t size = 0; size < file.size(); size += 997)
    EXPECT_NE(refusal(ByteView(file).first(size)), "accepted");
}

TEST(Image, RefusesAChangedByteAnywhere) {
  const Bytes good = good_file();
  for (std::size_t offset = 0; offset < good.size(); offset += 409) {
    Bytes bad = good;
    bad[offset] ^= 0x20;
    EXPECT_NE(refusal(bad), "accepted") << offset;
  }
}

TEST(Image, RefusesOverlappingOrUnorderedPages) {
  auto pages = conformance::pages({});
  pages.push_back(pages.back());
  EXPECT_EQ(refusal_of_pages(pages), "pages overlap or are not in order");
}

TEST(Image, RefusesPagesOutside) {
  auto pages = conformance::pages({});
  pages.push_back({conformance::kSize, Bytes(4096), sgx::secinfo_regular(3), false});
  EXPECT_EQ(refusal_of_pages(pages), "a page outside the enclave");
  pages.back().offset = 0x50010;
  EXPECT_EQ(refusal_of_pages(pages), "a page outside the enclave");
}

TEST(Image, RefusesBadPageFlags) {
  const auto with = [](sgx::SecinfoFlags flags, bool measure = true) {
    auto pages = conformance::pages({});
    pages.push_back({0x50000, Bytes(4096), flags, measure});
    return refusal_of_pages(pages);
  };
  EXPECT_EQ(with(sgx::secinfo_regular(7)), "a page both writable and executable");
  EXPECT_EQ(with(sgx::secinfo_regular(2)), "a page writable but not readable");
  EXPECT_EQ(with(sgx::secinfo_flags(sgx::PageType::kTcs, 3)), "a TCS page with permissions");
  EXPECT_EQ(with(sgx::secinfo_flags(sgx::PageType::kTrim, 0)), "type of a page");
  EXPECT_EQ(with(sgx::secinfo_regular(1 | sgx::kSecinfoPending)), "flags of a page");
  EXPECT_EQ(with(sgx::secinfo_regular(5), false), "an unmeasured code or TCS page");
}

TEST(Image, RefusesAnImageWithoutThreads) {
  auto pages = conformance::pages({});
  std::erase_if(pages, [](const Page& page) { return page.flags.type() == sgx::PageType::kTcs; });
  EXPECT_EQ(refusal_of_pages(pages), "no thread (TCS page)");
  EXPECT_EQ(refusal_of_pages({}), "no pages");
}

TEST(Image, RefusesAnotherMeasurementsSignature) {
  EXPECT_TRUE(refusal(file_of(stream_of(conformance::pages({.mark = 1})), conformance::sigstruct({})))
                  .starts_with("SIGSTRUCT is for another measurement"));
}

// Records that no packer writes, by hand behind a good ECREATE.
TEST(Image, RefusesMalformedRecords) {
  const auto with = [](auto&& write) {
    Writer out;
    out.raw(sgx::ecreate_record(1, conformance::kSize));
    write(out);
    return refusal(file_of(out.bytes(), conformance::sigstruct({})));
  };
  const Bytes chunk(sgx::kExtendChunkSize);
  const auto page = sgx::eadd_record(0, sgx::secinfo_regular(1));
  EXPECT_EQ(with([&](Writer& out) {
              out.raw(sgx::eextend_record(0));
              out.raw(chunk);
            }),
            "content before any page");
  EXPECT_EQ(with([&](Writer& out) {
              out.raw(page);
              out.raw(sgx::eextend_record(0x1000));
              out.raw(chunk);
            }),
            "content outside its page");
  EXPECT_EQ(with([&](Writer& out) {
              out.raw(page);
              out.raw(sgx::eextend_record(0x10));
              out.raw(chunk);
            }),
            "content outside its page");
  EXPECT_EQ(with([&](Writer& out) {
              out.raw(page);
              for (int i = 0; i < 2; ++i) {
                out.raw(sgx::eextend_record(0));
                out.raw(chunk);
              }
            }),
            "content twice or not in order");
  EXPECT_EQ(with([&](Writer& out) {
              out.raw(page);
              out.raw(sgx::eextend_record(0));
            }),
            "content is cut off");
  EXPECT_EQ(with([&](Writer& out) { out.raw(ByteView(page).first(32)); }), "a record is cut off");
  EXPECT_EQ(with([&](Writer& out) { out.raw(sgx::ecreate_record(1, conformance::kSize)); }),
            "unknown record");
  EXPECT_EQ(with([&](Writer& out) {
              auto bad = page;
              bad[63] = 1;
              out.raw(bad);
            }),
            "reserved bytes of EADD");
  EXPECT_EQ(with([&](Writer& out) {
              out.raw(page);
              auto bad = sgx::eextend_record(0);
              bad[20] = 1;
              out.raw(bad);
              out.raw(chunk);
            }),
            "reserved bytes of a content record");
  EXPECT_EQ(with([&](Writer& out) {
              out.raw(sgx::eadd_record(0x1000, sgx::secinfo_tcs()));
              out.raw(sgx::eextend_record(0x1000));
              out.raw(chunk);
            }),
            "a page measured in part");
}

TEST(Image, RefusesBadEcreate) {
  const auto with = [](std::uint32_t frame, std::uint64_t size) {
    Writer out;
    out.raw(sgx::ecreate_record(frame, size));
    return refusal(file_of(out.bytes(), conformance::sigstruct({})));
  };
  EXPECT_EQ(with(1, 3 * 4096), "enclave size");
  EXPECT_EQ(with(1, 4096), "enclave size");
  EXPECT_EQ(with(0, 1 << 20), "SSA frame size");
  EXPECT_EQ(with(17, 1 << 20), "SSA frame size");
  Writer out;
  out.raw(sgx::eadd_record(0, sgx::secinfo_regular(1)));
  EXPECT_EQ(refusal(file_of(out.bytes(), conformance::sigstruct({}))), "the first record is not ECREATE");
}

}  // namespace
}  // namespace clemmys::enclave
