// platform.h: a whole platform for tests: `clemmys up` with a fresh state on a free port, and an HTTPS client
// for it. Everything ends and is removed with the object.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace clemmys::testing {

struct Answer {
  unsigned status = 0;
  std::string content_type, body;
};

// Client is one keep-alive connection; one thread at a time. Connection failures throw std::exception; the
// next request opens another connection.
class Client {
 public:
  Client(unsigned short port, std::string authorization, std::string ca_pem);
  ~Client();
  Client(Client&&) noexcept;
  Answer request(const std::string& method, const std::string& target, const std::string& body = {},
                 const std::string& content_type = "application/json");
  // api is request with /api/v1/namespaces/_/ before the target.
  Answer api(const std::string& method, const std::string& target, const std::string& body = {},
             const std::string& content_type = "application/json");
  // log_of is the sealed log of the activation that `answer` is the record of, as JSON.
  std::string log_of(const Answer& answer);
  // Before the first request: pretend_later verifies certificates as a client does whose clock is ahead, in
  // seconds; use_port goes to another gateway with the trust of this one.
  void pretend_later(long seconds);
  void use_port(unsigned short port);

 private:
  Answer exchange(const std::string& method, const std::string& target, const std::string& body,
                  const std::string& content_type);
  struct State;
  std::unique_ptr<State> state_;
};

// PlatformOptions lets a test stand where a hostile host would.
struct PlatformOptions {
  std::string program =
      CLEMMYS_BINARY_DIR "/bin/clemmys";    // another one finds its own clemmys-node beside it
  std::vector<std::string> wrapper = {};    // a command that runs `clemmys up`, such as a tracer
  std::vector<std::string> arguments = {};  // more options of `clemmys up`
};

class Platform {
 public:
  // The constructor throws with the last log lines when the platform does not come up within a minute (three
  // under a wrapper).
  explicit Platform(PlatformOptions options = {});
  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  Client client() const;
  // client_of gives a client of another user, by `uuid:key`.
  Client client_of(const std::string& key) const;
  // add_namespace makes one as the operator, claims it as its owner, and gives the owner's `uuid:key`.
  std::string add_namespace(const std::string& name) const;
  unsigned short port() const { return port_; }
  const std::string& state_directory() const { return state_; }
  const std::string& key() const { return key_; }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  std::string log_path() const { return directory_ + "/up.log"; }
  pid_t pid() const { return pid_; }
  std::string authorization() const;  // the header's value
  // deploy puts one of the images of this build (build/…/images/NAME.sgx) under `action`; parameters: a JSON
  // array of {key,value}; limits: a JSON object.
  void deploy(const std::string& action, const std::string& image, const std::string& parameters_json = "[]",
              const std::string& limits_json = "{}") const;
  static void deploy(Client user, const std::string& action, const std::string& image,
                     const std::string& parameters_json, const std::string& limits_json = "{}");
  // deploy_script puts JavaScript under `action`.
  void deploy_script(const std::string& action, const std::string& code,
                     const std::string& parameters_json = "[]", const std::string& limits_json = "{}") const;
  void create_sequence(const std::string& name, const std::vector<std::string>& components) const;
  // part is the process id of a part: kms, node, gateway or quoting-enclave; -1 while there is none.
  pid_t part(const std::string& name) const;
  // stop ends the platform as Ctrl-C does, and start brings it up again on the same state.
  void stop();
  void start();
  // use_program is for the next start.
  void use_program(std::string program) { options_.program = std::move(program); }

 private:
  PlatformOptions options_;
  std::string directory_, state_, key_, ca_pem_;
  unsigned short port_ = 0;
  pid_t pid_ = -1;
};

std::string read_text(const std::string& path);

}  // namespace clemmys::testing
