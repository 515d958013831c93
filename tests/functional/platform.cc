#include "platform.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "crypto/base64.h"
#include "wire/frame.h"
#include "wire/kms_api.h"

namespace clemmys::testing {

namespace asio = boost::asio;
namespace http = boost::beast::http;

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Client::State {
  asio::io_context io;
  asio::ssl::context tls{asio::ssl::context::tls_client};
  std::unique_ptr<asio::ssl::stream<asio::ip::tcp::socket>> stream;
  boost::beast::flat_buffer buffer;
  unsigned short port;
  std::string authorization;
};

Client::Client(unsigned short port, std::string authorization, std::string ca_pem)
    : state_(std::make_unique<State>()) {
  state_->port = port;
  state_->authorization = std::move(authorization);
  state_->tls.add_certificate_authority(asio::buffer(ca_pem));
  state_->tls.set_verify_mode(asio::ssl::verify_peer);
  state_->tls.set_verify_callback(asio::ssl::host_name_verification("localhost"));
}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;

void Client::pretend_later(long seconds) {
  X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(state_->tls.native_handle()), std::time(nullptr) + seconds);
}

void Client::use_port(unsigned short port) { state_->port = port; }

Answer Client::request(const std::string& method, const std::string& target, const std::string& body,
                       const std::string& content_type) {
  try {
    return exchange(method, target, body, content_type);
  } catch (...) {
    state_->stream.reset();
    state_->buffer.clear();
    throw;
  }
}

Answer Client::exchange(const std::string& method, const std::string& target, const std::string& body,
                        const std::string& content_type) {
  State& state = *state_;
  if (!state.stream) {
    state.stream = std::make_unique<asio::ssl::stream<asio::ip::tcp::socket>>(state.io, state.tls);
    state.stream->next_layer().connect({asio::ip::make_address("127.0.0.1"), state.port});
    state.stream->next_layer().set_option(asio::ip::tcp::no_delay(true));
    SSL_set_tlsext_host_name(state.stream->native_handle(), "localhost");
    state.stream->handshake(asio::ssl::stream_base::client);
  }
  http::request<http::string_body> request(http::string_to_verb(method), target, 11);
  request.set(http::field::host, "localhost");
  if (!state.authorization.empty()) request.set(http::field::authorization, state.authorization);
  if (!body.empty()) request.set(http::field::content_type, content_type);
  request.body() = body;
  request.prepare_payload();
  http::write(*state.stream, request);
  http::response_parser<http::string_body> parser;
  parser.body_limit(256u << 20);
  http::read(*state.stream, state.buffer, parser);
  if (!parser.get().keep_alive()) state.stream.reset();
  return {parser.get().result_int(), std::string(parser.get()[http::field::content_type]),
          parser.get().body()};
}

Answer Client::api(const std::string& method, const std::string& target, const std::string& body,
                   const std::string& content_type) {
  return request(method, "/api/v1/namespaces/_/" + target, body, content_type);
}

std::string Client::log_of(const Answer& answer) {
  const std::string id(boost::json::parse(answer.body).at("activationId").as_string());
  for (int i = 0; i < 100; ++i) {
    const Answer logs = api("GET", "activations/" + id + "/logs");
    if (logs.status == 200) return logs.body;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return "no log";
}

Platform::Platform(PlatformOptions options) : options_(std::move(options)) {
  char pattern[] = "/tmp/clemmys-test-XXXXXX";
  if (mkdtemp(pattern) == nullptr) throw std::runtime_error("mkdtemp failed");
  directory_ = pattern;
  state_ = directory_ + "/state";
  start();
}

Platform::~Platform() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Platform::start() {
  std::vector<std::string> command = options_.wrapper;
  command.insert(command.end(), {options_.program, "up", "--state", state_, "--listen", "127.0.0.1:0"});
  command.insert(command.end(), options_.arguments.begin(), options_.arguments.end());
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const std::string log = log_path();
  const std::string ready = state_ + "/url";  // written last, removed at the end
  std::filesystem::remove(ready);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot start " + command[0]);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // a test that is killed leaves no platform behind
    const int input = open("/dev/null", O_RDONLY),
              output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(127);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(options_.wrapper.empty() ? 60 : 180);
  while (!std::filesystem::exists(ready)) {
    int status = 0;
    const bool ended = waitpid(pid_, &status, WNOHANG) == pid_;
    if (ended || std::chrono::steady_clock::now() > end) {
      if (ended) pid_ = -1;
      const std::string text = read_text(log);
      stop();
      throw std::runtime_error("clemmys up did not become ready:\n" +
                               text.substr(text.size() > 4000 ? text.size() - 4000 : 0));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const std::string url = read_text(ready);
  port_ = static_cast<unsigned short>(std::stoul(url.substr(url.rfind(':') + 1)));
  key_ = read_text(state_ + "/development-key");
  while (!key_.empty() && key_.back() == '\n') key_.pop_back();
  ca_pem_ = read_text(state_ + "/ca.pem");
}

void Platform::stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  for (int i = 0; i < 1500; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

pid_t Platform::part(const std::string& name) const {
  std::string mark = name == "node" ? "clemmys-node" : name + ".sgx";
  std::ranges::replace(mark, '-', name == "node" ? '-' : '_');
  std::istringstream children(
      read_text("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children"));
  for (pid_t child; children >> child;) {
    if (read_text("/proc/" + std::to_string(child) + "/cmdline").find(mark) != std::string::npos)
      return child;
  }
  return -1;
}

std::string Platform::authorization() const { return "Basic " + crypto::to_base64(as_bytes(key_)); }
Client Platform::client() const { return client_of(key_); }

Client Platform::client_of(const std::string& key) const {
  return {port_, "Basic " + crypto::to_base64(as_bytes(key)), ca_pem_};
}

std::string Platform::add_namespace(const std::string& name) const {
  const int kms = wire::connect_unix(state_ + "/run/kms.sock").value();
  const auto create = static_cast<std::uint8_t>(wire::KmsFrame::kCreateNamespace);
  if (!wire::write_frame(kms, create, as_bytes(name))) throw std::runtime_error("the key service is away");
  const wire::Frame token = wire::read_frame(kms).value();
  ::close(kms);
  const boost::json::object claim{{"token", as_text(token.body)}};
  const Answer claimed =
      client().request("POST", "/clemmys/v1/namespaces/" + name + "/claim", boost::json::serialize(claim));
  if (claimed.status != 200) throw std::runtime_error("claiming " + name + ": " + claimed.body);
  const boost::json::value user = boost::json::parse(claimed.body);
  return std::string(user.at("uuid").as_string()) + ":" + std::string(user.at("key").as_string());
}

void Platform::deploy(const std::string& action, const std::string& image, const std::string& parameters_json,
                      const std::string& limits_json) const {
  deploy(client(), action, image, parameters_json, limits_json);
}

void Platform::deploy(Client user, const std::string& action, const std::string& image,
                      const std::string& parameters_json, const std::string& limits_json) {
  const std::string file = read_text(CLEMMYS_BINARY_DIR "/images/" + image + ".sgx");
  if (file.empty()) throw std::runtime_error("there is no image " + image);
  boost::json::object body{{"exec", boost::json::object{{"kind", "native:1"},
                                                        {"code", crypto::to_base64(as_bytes(file))},
                                                        {"binary", true}}},
                           {"parameters", boost::json::parse(parameters_json)},
                           {"limits", boost::json::parse(limits_json)}};
  const Answer answer =
      user.api("PUT", "actions/" + action + "?overwrite=true", boost::json::serialize(body));
  if (answer.status != 200)
    throw std::runtime_error("deploying " + action + ": " + std::to_string(answer.status) + " " +
                             answer.body.substr(0, 500));
}

void Platform::deploy_script(const std::string& action, const std::string& code,
                             const std::string& parameters_json, const std::string& limits_json) const {
  const boost::json::object body{{"exec", boost::json::object{{"kind", "nodejs:20"}, {"code", code}}},
                                 {"parameters", boost::json::parse(parameters_json)},
                                 {"limits", boost::json::parse(limits_json)}};
  const Answer answer =
      client().api("PUT", "actions/" + action + "?overwrite=true", boost::json::serialize(body));
  if (answer.status != 200)
    throw std::runtime_error("deploying " + action + ": " + std::to_string(answer.status) + " " +
                             answer.body.substr(0, 500));
}

void Platform::create_sequence(const std::string& name, const std::vector<std::string>& components) const {
  boost::json::array list;
  for (const std::string& component : components) list.emplace_back("/_/" + component);
  boost::json::object body{{"exec", boost::json::object{{"kind", "sequence"}, {"components", list}}}};
  const Answer answer =
      client().api("PUT", "actions/" + name + "?overwrite=true", boost::json::serialize(body));
  if (answer.status != 200)
    throw std::runtime_error("creating " + name + ": " + std::to_string(answer.status) + " " +
                             answer.body.substr(0, 500));
}

}  // namespace clemmys::testing
