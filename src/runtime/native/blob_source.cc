#include "runtime/native/blob_source.h"

#include <algorithm>

namespace clemmys::runtime {

Result<Bytes> BlobSource::fetch(const wire::CodeId& id) {
  link_.queue(wire::InstanceFrame::kBlobRequest, id.view());
  TRY(link_.flush());
  const std::size_t frame_size_max = link_.frame_size_max();
  link_.limit_frame_size(std::max(frame_size_max, wire::kSealedCodeSizeMax + 2));
  auto frame = link_.receive();
  link_.limit_frame_size(frame_size_max);
  if (!frame) return frame.error();
  if (frame->type != static_cast<std::uint8_t>(wire::InstanceFrame::kBlob) || frame->body.empty())
    return Error{ErrorCode::kCorrupt, "runtime.blob.frame"};
  const bool found = frame->body.front() == 1;
  if (!found) return Error{ErrorCode::kNotFound, "runtime.blob.missing"};
  frame->body.erase(frame->body.begin());
  return std::move(frame->body);
}

}  // namespace clemmys::runtime
