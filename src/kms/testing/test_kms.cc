#include "kms/testing/test_kms.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/check.h"
#include "base/log.h"
#include "crypto/base64.h"
#include "kms/testing/fake_sealer.h"

namespace clemmys::kms::testing {
namespace {

Result<Bytes> body_of(const wire::Frame& reply) {
  if (reply.type == static_cast<std::uint8_t>(wire::KmsFrame::kAnswer)) return reply.body;
  CHECK(reply.type == static_cast<std::uint8_t>(wire::KmsFrame::kRefused) && !reply.body.empty());
  return Error{static_cast<ErrorCode>(reply.body[0]), "kms.refused",
               std::string(as_text(reply.body).substr(1))};
}

ServiceParts parts_of(World& world, const Clock& clock) {
  auto policy = parse_root_policy(world.policy);
  CHECK(policy.has_value());
  return {world.folder.path(),
          std::move(*policy),
          world.root.collateral(),
          *world.anchor,
          *world.sealer,
          *world.attester,
          clock};
}

}  // namespace

std::string default_policy(const attest::testing::TestRoot& root) {
  return "version: 1\ndns_names: [localhost, 127.0.0.1]\nimages:\n  kms: [" + to_hex(kKmsImage) +
         "]\n  gateway: [" + to_hex(kGatewayImage) + "]\n  javascript: [" + to_hex(kJavaScriptImage) +
         "]\ntolerated_tcb: [UpToDate]\ninsecure_accept_software_sgx: true\nsoftware_root: " +
         crypto::to_base64(root.trust().software_root_der) + "\ninsecure_file_anchor: true\n";
}

TemporaryFolder::TemporaryFolder() {
  std::string name = std::filesystem::temp_directory_path() / "clemmys-kms-XXXXXX";
  CHECK(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

World::World()
    : clock(std::make_unique<FakeClock>(root.now_unix_s() * 1000)),
      anchor(insecure_file_anchor(folder.path())),
      sealer(std::make_unique<FakeSealer>()),
      attester(root.attester({.measurement = kKmsImage, .signer = {}})),
      policy(default_policy(root)) {
  CHECK(crypto::initialize().has_value());
  set_log_level(LogLevel::kError);  // tests refuse a lot
}
World::~World() = default;

Result<std::unique_ptr<Service>> World::start() { return Service::open(parts_of(*this, *clock)); }

Result<Bytes> World::hello(wire::SessionClient& client, const attest::testing::TestIdentity& identity) const {
  Bytes quote = TRY(root.attester(identity)->evidence(attest::ReportData{client.report_data().bytes}));
  return client.hello(std::move(quote));
}

struct ServedKms::Impl {
  World world;
  SystemClock clock;
  std::unique_ptr<Service> service;
  std::unique_ptr<Server> server;
  std::string path;
  std::thread thread;
};

ServedKms::ServedKms() : impl_(std::make_unique<Impl>()) {
  auto service = Service::open(parts_of(impl_->world, impl_->clock));
  CHECK(service.has_value());
  impl_->service = std::move(*service);
  impl_->path = impl_->world.folder.path() + "/kms.sock";
  auto server = Server::listen(impl_->path, *impl_->service);
  CHECK(server.has_value());
  impl_->server = std::move(*server);
  impl_->thread = std::thread([impl = impl_.get()] { CHECK(impl->server->run().has_value()); });
}
ServedKms::~ServedKms() {
  impl_->server->stop();
  impl_->thread.join();
}
const std::string& ServedKms::socket_path() const { return impl_->path; }
const attest::testing::TestRoot& ServedKms::root() const { return impl_->world.root; }
Bytes ServedKms::ca_certificate_der() const { return impl_->service->ca_certificate_der(); }

Result<Bytes> ask(Service& service, wire::KmsFrame type, ByteView body) {
  const wire::Frame reply = service.handle({static_cast<std::uint8_t>(type), to_bytes(body)});
  TRY(service.commit());
  return body_of(reply);
}

Result<Bytes> ask_socket(int descriptor, wire::KmsFrame type, ByteView body) {
  TRY(wire::write_frame(descriptor, static_cast<std::uint8_t>(type), body));
  return body_of(TRY(wire::read_frame(descriptor)));
}

Result<Client> Client::connect(World& world, Service& service, wire::Role role,
                               const attest::testing::TestIdentity& identity) {
  const Bytes nonce = TRY(ask(service, wire::KmsFrame::kNonce, {}));
  wire::SessionClient client(role, TRY(wire::decode_nonce(nonce)));
  const Bytes hello = TRY(world.hello(client, identity));
  const Bytes accept = TRY(ask(service, wire::KmsFrame::kHello, hello));
  return Client(service, TRY(client.accept(accept)));
}

Result<Bytes> Client::send(ByteView message) {
  const Bytes sealed = TRY(ask(*service_, wire::KmsFrame::kMessage, message));
  const Bytes plaintext = TRY(cipher_.open(sealed));
  wire::Answer answer = TRY(wire::decode_answer(plaintext));
  return std::move(answer.body);
}
Result<Bytes> Client::request(const wire::FunctionRequest& request) {
  return send(seal(wire::encode(request)));
}
Result<Bytes> Client::request(const wire::GatewayRequest& request) {
  return send(seal(wire::encode(request)));
}
Result<wire::View> Client::view(const wire::GatewayRequest& one) {
  const Bytes body = TRY(request(one));
  return wire::decode_view(body);
}

wire::Action native_action(const std::string& ns, const std::string& name, const Measurement& image) {
  wire::Action action;
  action.namespace_name = ns;
  action.name = name;
  action.kind = "native:1";
  action.image = image;
  action.code = crypto::sha256(image.view());
  action.code_size = 1000;
  return action;
}

wire::Action script_action(const std::string& ns, const std::string& name, const wire::CodeId& code_id,
                           std::string_view code) {
  wire::Action action;
  action.namespace_name = ns;
  action.name = name;
  action.kind = "nodejs:20";
  action.code = crypto::sha256(as_bytes(code));
  action.code_id = code_id;
  action.code_size = code.size();
  action.binary = false;
  return action;
}

wire::Action sequence_action(const std::string& ns, const std::string& name,
                             std::vector<std::string> components) {
  wire::Action action;
  action.namespace_name = ns;
  action.name = name;
  action.kind = "sequence";
  action.components = std::move(components);
  return action;
}

}  // namespace clemmys::kms::testing
