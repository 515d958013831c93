// test_world.h: for tests: the API with a fake controller and a fake KMS, in one thread, and nothing waits
// unless told to.
#pragma once

#include <map>
#include <optional>

#include "gateway/api.h"
#include "gateway/testing/fake_functions.h"

namespace clemmys::gateway::testing {

inline constexpr std::uint64_t kNow = 1'800'000'000'000;
inline constexpr std::string_view kUuid = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502",
                                  kSecret = "not-so-secret-test-key";

// FakeController keeps records and images in maps. `behave` says what happens to a run; by default nothing
// does.
class FakeController final : public ControllerLink {
 public:
  Task<Result<Bytes>> call(wire::ControllerFrame type, Bytes body) override;
  void notify(wire::ControllerFrame type, Bytes body) override;
  void when_sent(std::function<void()> then) override { then(); }
  Status run(const NamespaceId& owner, ByteView envelope, std::shared_ptr<RunListener> listener) override;

  std::function<void(ByteView envelope, std::shared_ptr<RunListener>)> behave;
  bool away = false;
  std::map<ActivationId, wire::StoredRecord> records;
  std::size_t puts = 0;  // of records
  std::map<Measurement, Bytes> images;
  std::map<wire::CodeId, Bytes> blobs;
  std::vector<ChainId> retired;
  std::vector<std::shared_ptr<RunListener>> listeners;
  Bytes envelope;                   // of the last run
  std::vector<NamespaceId> owners;  // of all runs

 private:
  Result<Bytes> answer(wire::ControllerFrame type, ByteView body);
};

// FakeKms makes definitions as the KMS does, and keeps the chains' secrets for the fake functions.
class FakeKms final : public KmsLink {
 public:
  explicit FakeKms(View& view);
  Task<Result<Bytes>> change(wire::GatewayRequest request) override;
  Task<Result<Bytes>> evidence(Bytes nonce) override;
  Status put(wire::Action action);
  FakeFunctions functions(std::string_view action_name) const;

  std::optional<Error> refuse, refuse_puts;

 private:
  View& view_;
  std::uint64_t revision_ = 0;
  std::map<std::string, wire::Action> actions_;
  std::map<std::string, Key> secrets_;
  std::map<wire::CodeId, wire::CodeKey> codes_;
};

// finish runs a task that must not wait.
template <typename T>
T finish(Task<T> task) {
  std::optional<T> value;
  spawn([](Task<T> inner, std::optional<T>& out) -> Task<void> { out.emplace(co_await std::move(inner)); }(
                                                     std::move(task), value));
  CHECK(value.has_value());
  return std::move(*value);
}

struct TestWorld {
  explicit TestWorld(ApiLimits limits = {});

  FakeClock clock{kNow};
  TimeSource time{clock};
  View view;
  Metrics metrics;
  OpenActivations open;
  Throttle throttle;
  FakeController controller;
  FakeKms kms{view};
  struct Timer {
    std::uint64_t delay_ms = 0;
    std::function<void()> run;
  };
  std::vector<Timer> timers;
  // run_timers runs what waits for `delay_ms`, once.
  void run_timers(std::uint64_t delay_ms);
  std::unique_ptr<Api> api;

  static std::string authorization(std::string_view uuid = kUuid, std::string_view secret = kSecret);
  HttpRequest request(Method method, std::string_view target, std::string_view body = {});
  // send admits and handles; the request must not wait.
  HttpResponse send(const HttpRequest& request);
  HttpResponse send(Method method, std::string_view target, std::string_view body = {}) {
    return send(request(method, target, body));
  }
  // begin handles a request that may wait; the response appears in the slot.
  std::shared_ptr<std::optional<HttpResponse>> begin(const HttpRequest& request);

  // add_action and add_sequence define under the namespace "guest".
  void add_action(std::string name, std::string annotations = "[]", std::string parameters = "[]");
  void add_sequence(std::string name, std::vector<std::string> components);
  // serve lets the functions of an action answer every run at once.
  void serve(std::string action, FakeHandler handler = echo);
  NamespacePointer owner() { return view.snapshot()->find_namespace("guest"); }

 private:
  std::string authorization_ = authorization();
};

}  // namespace clemmys::gateway::testing
