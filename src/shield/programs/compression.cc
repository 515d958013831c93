// Compressors over 64 MiB, by their streaming interfaces; the sum shows that what comes back is what went in.
#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <vector>

namespace {

constexpr std::size_t kSize = 64u << 20, kSmall = 2u << 20;

std::vector<unsigned char> text(std::size_t size) {
  std::vector<unsigned char> bytes(size);
  unsigned state = 12345;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    bytes[i] =
        i % 9 < 5 && i > 4096 ? bytes[i - (state >> 20) % 4096 - 1] : static_cast<unsigned char>(state >> 24);
  }
  return bytes;
}

bool all_alike = true;

void show(const char* name, std::size_t packed, const std::vector<unsigned char>& back,
          const std::vector<unsigned char>& in) {
  std::printf("%s %zu %08lx %d\n", name, packed, crc32(0, back.data(), static_cast<uInt>(back.size())),
              back == in);
  all_alike &= back == in;
}

void with_zlib(const std::vector<unsigned char>& in) {
  z_stream stream{};
  deflateInit(&stream, 1);
  std::vector<unsigned char> packed(deflateBound(&stream, in.size())), back(in.size());
  stream.next_in = const_cast<unsigned char*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  const std::size_t size = stream.total_out;
  deflateEnd(&stream);
  stream = {};
  inflateInit(&stream);
  stream.next_in = packed.data();
  stream.avail_in = static_cast<uInt>(size);
  stream.next_out = back.data();
  stream.avail_out = static_cast<uInt>(back.size());
  inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  show("zlib", size, back, in);
}

void with_zstd(const std::vector<unsigned char>& in, int workers) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 3);
  ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, workers);
  std::vector<unsigned char> packed(ZSTD_compressBound(in.size())), back(in.size());
  const std::size_t size = ZSTD_compress2(context, packed.data(), packed.size(), in.data(), in.size());
  ZSTD_freeCCtx(context);
  ZSTD_decompress(back.data(), back.size(), packed.data(), size);
  show(workers > 0 ? "zstd with threads" : "zstd", size, back, in);
}

void with_others(std::vector<unsigned char> in) {
  std::vector<unsigned char> packed(in.size() * 2), back(in.size());
  auto size = static_cast<unsigned>(packed.size()), back_size = static_cast<unsigned>(back.size());
  BZ2_bzBuffToBuffCompress(reinterpret_cast<char*>(packed.data()), &size, reinterpret_cast<char*>(in.data()),
                           static_cast<unsigned>(in.size()), 9, 0, 0);
  BZ2_bzBuffToBuffDecompress(reinterpret_cast<char*>(back.data()), &back_size,
                             reinterpret_cast<char*>(packed.data()), size, 0, 0);
  show("bzip2", size, back, in);
  std::size_t out = 0, read = 0, written = 0;
  (void)!lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr, in.data(), in.size(), packed.data(), &out,
                                 packed.size());
  uint64_t limit = 256u << 20;
  if (lzma_stream_buffer_decode(&limit, 0, nullptr, packed.data(), &read, out, back.data(), &written,
                                back.size()) != LZMA_OK)
    std::printf("xz fails\n");
  show("xz", out, back, in);
}

}  // namespace

int main() {
  const std::vector<unsigned char> in = text(kSize);
  with_zlib(in);
  with_zstd(in, 0);
  with_zstd(in, 3);
  with_others(text(kSmall));
  return all_alike ? 0 : 1;
}
