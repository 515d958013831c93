// inspect.cc: what files of the untrusted side say: an image, an envelope. The same bytes that a hostile host
// has.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>

#include "cli/commands.h"
#include "cli/outcome.h"
#include "cli/print.h"
#include "cli/status_table.h"
#include "enclave/host/counts.h"
#include "enclave/image.h"
#include "wire/envelope.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

std::string_view name(wire::Kind kind) {
  switch (kind) {
    case wire::Kind::kRequest:
      return "request";
    case wire::Kind::kResult:
      return "result";
    case wire::Kind::kEnd:
      return "end";
    case wire::Kind::kEvent:
      return "event";
  }
  return "unknown";
}

Result<ExitCode> show_image(const Context& context, const std::string& path) {
  const Bytes file = TRY(read_file(path));
  const auto info = enclave::parse_image(file);
  if (!info)
    return failure(ErrorCode::kInvalid, "cli.image",
                   path + " is not an enclave image: " + to_string(info.error()),
                   "make one: clemmys build FILE.cc");
  const auto layout = enclave::layout_of(file);  // only of images that clemmys-pack made
  if (context.options.json) {
    json::object fields{{"measurement", to_hex(info->measurement)},
                        {"signer", to_hex(info->signer)},
                        {"product_id", info->product_id},
                        {"security_version", info->security_version},
                        {"debug", info->debug},
                        {"measured_bytes", info->measured_size},
                        {"threads", info->thread_count}};
    if (layout) {
      fields["syscall_sites"] = layout->syscall_sites;
      fields["syscall_sites_rewritten"] = layout->syscalls_rewritten;
      fields["cpuid_sites"] = layout->cpuid_count;
      fields["files"] = layout->file_count;
      fields["network"] = (layout->manifest_flags & shield::kAllowNetwork) != 0;
      fields["host_files"] = (layout->manifest_flags & shield::kAllowHostFiles) != 0;
    }
    print_json(fields);
    return ExitCode::kSuccess;
  }
  field("measurement", to_hex(info->measurement));
  field("signer", to_hex(info->signer));
  field("product, version", std::to_string(info->product_id) + ", " + std::to_string(info->security_version));
  field("debug", info->debug ? "yes: its host can read it" : "no");
  field("measured", std::to_string(info->measured_size >> 10) + " KiB");
  field("threads at start", std::to_string(info->thread_count));
  if (!layout) return ExitCode::kSuccess;
  field("system calls", std::to_string(layout->syscall_sites) + " sites, " +
                            std::to_string(layout->syscalls_rewritten) + " without a trap");
  field("cpuid", std::to_string(layout->cpuid_count) + " sites");
  field("files in the image", std::to_string(layout->file_count));
  field("may use",
        std::string((layout->manifest_flags & shield::kAllowNetwork) != 0 ? "the network" : "no network") +
            ((layout->manifest_flags & shield::kAllowHostFiles) != 0 ? ", files of its host"
                                                                     : ", no files of its host"));
  return ExitCode::kSuccess;
}

// hex_lines shows the first bytes as a hex dump: 32 bytes a line.
std::string hex_lines(ByteView bytes, std::size_t lines) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size() && at / 32 < lines; at += 32) {
    out += "    " + to_hex(bytes.subspan(at, std::min<std::size_t>(32, bytes.size() - at))) + "\n";
  }
  return out;
}

Result<ExitCode> show_envelope(const Context& context, const std::string& path) {
  const Bytes envelope = TRY(read_file(path));
  const auto header = wire::decode_header(envelope);
  if (!header)
    return failure(ErrorCode::kInvalid, "cli.envelope",
                   path + " is not an envelope: " + to_string(header.error()),
                   "name a file of clemmys up --observe");
  const ByteView payload = ByteView(envelope).subspan(wire::kHeaderSize);
  const std::string receiver =
      header->receiver.is_zero() ? std::string("the gateway") : "function " + to_hex(header->receiver);
  if (context.options.json) {
    print_json(json::object{{"kind", name(header->kind)},
                            {"step", header->step},
                            {"steps", header->steps},
                            {"activation", to_hex(header->activation)},
                            {"chain", to_hex(header->chain)},
                            {"chain_digest", to_hex(header->chain_digest)},
                            {"receiver", to_hex(header->receiver)},
                            {"image", to_hex(header->image)},
                            {"memory_mib", header->memory_mib},
                            {"timeout_ms", header->timeout_ms},
                            {"deadline_unix_ms", header->deadline_unix_ms},
                            {"ciphertext_bytes", header->payload_size}});
    return ExitCode::kSuccess;
  }
  field("kind", std::string(name(header->kind)) + ", step " + std::to_string(header->step) + " of " +
                    std::to_string(header->steps));
  field("activation", to_hex(header->activation));
  field("chain", to_hex(header->chain));
  field("for", receiver);
  if (!header->image.is_zero()) field("image to start", to_hex(header->image));
  field("limits", std::to_string(header->memory_mib) + " MiB, " + std::to_string(header->timeout_ms) + " ms");
  field("payload", std::to_string(header->payload_size) + " bytes that it cannot open (padded):");
  std::cout << hex_lines(payload, 3) << "    …\n" << std::flush;
  return ExitCode::kSuccess;
}

// show_counts prints what a host process keeps in its file, while it runs or afterwards.
Result<ExitCode> show_counts(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  enclave::Counts counts;
  if (!file.read(reinterpret_cast<char*>(&counts), sizeof counts))
    return failure(ErrorCode::kNotFound, "cli.stats.counts", "'" + path + "' holds no counts",
                   "name run/gateway.counts in the state folder, or a file of clemmys-host --counts");
  enclave::print_counts(counts, stdout);
  return ExitCode::kSuccess;
}

}  // namespace

void add_inspect(CLI::App& app, Context& context) {
  CLI::App* enclaves = app.add_subcommand("enclave", "enclave images, and what running ones cost");
  enclaves->require_subcommand(1)->fallthrough();
  const auto image = std::make_shared<std::string>();
  command(*enclaves, context, "show", "what an image is: measurement, signer, size",
          "  clemmys enclave show scale.sgx", [&context, image] { return show_image(context, *image); })
      .add_option("IMAGE", *image, "image file")
      ->required();
  const auto counts = std::make_shared<std::string>();
  command(*enclaves, context, "stats", "instances, start-up phases and modelled costs of a platform",
          "  clemmys enclave stats\n  clemmys enclave stats ~/.local/share/clemmys/run/gateway.counts",
          [&context, counts]() -> Result<ExitCode> {
            if (!counts->empty()) return show_counts(*counts);
            const Client client = TRY(Client::open(context.options));
            const json::value status = TRY(client.get_json("/clemmys/v1/status"));
            context.options.json ? print_json(status) : show_status(status);
            return ExitCode::kSuccess;
          })
      .add_option("COUNTS", *counts, "file with the counts of one host process on this machine");
  CLI::App* envelopes = app.add_subcommand("envelope", "the messages that the untrusted controller handles");
  envelopes->require_subcommand(1)->fallthrough();
  const auto envelope = std::make_shared<std::string>();
  command(*envelopes, context, "show", "all that anybody without keys can see of an envelope",
          "  clemmys envelope show observed/0001.envelope",
          [&context, envelope] { return show_envelope(context, *envelope); })
      .add_option("FILE", *envelope, "envelope file, from clemmys up --observe")
      ->required();
}

}  // namespace clemmys::cli
