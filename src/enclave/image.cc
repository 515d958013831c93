#include "enclave/image.h"

#include <array>

#include "sgx/measurement.h"

namespace clemmys::enclave {
namespace {

using sgx::kPageSize;

bool joins(const sgx::ImagePage& page, const sgx::ImagePage& next) {
  return next.offset == page.offset + kPageSize && next.flags == page.flags &&
         (next.measured != 0) == (page.measured != 0);
}

// append puts a page's content, holes as zeros, at the end of `run`.
void append(Bytes& run, const sgx::ImagePage& page) {
  for (const ByteView chunk : page.content) {
    if (chunk.empty())
      run.insert(run.end(), sgx::kExtendChunkSize, 0);
    else
      run.insert(run.end(), chunk.begin(), chunk.end());
  }
}

}  // namespace

Result<shield::LayoutPage> layout_of(ByteView file) {
  constexpr std::size_t kRecord = sgx::kMeasureRecordSize, kStep = kRecord + sgx::kExtendChunkSize;
  std::array<std::uint8_t, sgx::kPageSize> page;
  if (file.size() < 2 * kRecord + 16 * kStep) return Error{ErrorCode::kInvalid, "host.layout.size"};
  for (std::size_t i = 0; i < 16; ++i) {
    std::memcpy(&page[i * 256], file.data() + 2 * kRecord + i * kStep + kRecord, sgx::kExtendChunkSize);
  }
  shield::LayoutPage layout;
  std::memcpy(&layout, page.data(), sizeof layout);
  if (layout.magic != shield::kLayoutMagic || layout.thread_count == 0 || layout.thread_count > 4096) {
    return Error{ErrorCode::kInvalid, "host.layout.magic", "this image was not made by clemmys-pack"};
  }
  return layout;
}

Result<std::unique_ptr<Enclave>> load_image(Platform& platform, ByteView file) {
  const sgx::ParsedImage image = TRY(sgx::parse_image_pages(file, sgx::Measure::kNo));
  std::unique_ptr<Enclave> enclave = TRY(platform.create(image.secs));
  Bytes run;
  constexpr std::size_t kRunSizeMax = 4u << 20;
  for (std::size_t first = 0, next = 0; first < image.pages.size(); first = next) {
    run.clear();
    do append(run, image.pages[next++]);
    while (next < image.pages.size() && run.size() < kRunSizeMax &&
           joins(image.pages[next - 1], image.pages[next]));
    TRY(enclave->add_pages(image.pages[first].offset, run, image.pages[first].flags,
                           image.pages[first].measured != 0));
  }
  TRY(enclave->initialize(image.sigstruct));
  return enclave;
}

}  // namespace clemmys::enclave
