// quoting_enclave SOCKET SEALED_KEY_FILE: the quoting enclave of a machine. Runs inside the shield; it makes
// quotes once it has been certified over its socket.
#include <openssl/crypto.h>

#include "attest/quoting/frame_server.h"
#include "attest/quoting/quoting_enclave.h"
#include "base/log.h"

namespace {

// fail logs what may leave an enclave: code and site.
int fail(const clemmys::Error& error) {
  clemmys::log_error(std::string(name(error.code)) + " at " + std::string(error.site));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace clemmys;
  set_log_part("quoting");
  // The host chooses files and environment: no configuration of OpenSSL may come from there.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  if (argc != 3) {
    log_error("usage: quoting_enclave SOCKET SEALED_KEY_FILE");
    return 2;
  }
  auto enclave = attest::QuotingEnclave::start(attest::file_device(), argv[2]);
  if (!enclave) return fail(enclave.error());
  const Status served =
      attest::serve_frames(argv[1], [&](ByteView request) { return enclave->answer(request); });
  return served ? 0 : fail(served.error());
}
