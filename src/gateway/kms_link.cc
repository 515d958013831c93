#include "gateway/kms_link.h"

#include <condition_variable>
#include <deque>
#include <thread>

#include "base/log.h"
#include "gateway/kms_session.h"

namespace clemmys::gateway {
namespace {

constexpr std::size_t kJobsMax = 1024;

// Job is one question of a worker; exactly one of the two kinds. `answer` is posted back.
struct Job {
  std::optional<wire::GatewayRequest> request;
  Bytes nonce;
  std::function<void(Result<Bytes>)> answer;
};

}  // namespace

struct KmsThread::Impl {
  KmsLinkConfig config;
  attest::Attester& attester;
  View& view;
  TlsContextSlot& tls;
  TimeSource& time;
  Metrics& metrics;

  // Used by the thread alone (by start() before there is one).
  std::optional<KmsSession> session;
  std::optional<crypto::Ed25519Public> identity;
  std::uint64_t certificate_end_ms = 0;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Job> jobs;
  bool ending = false;
  std::thread thread;

  Status connect() {
    if (session && !session->broken()) return {};
    if (session) metrics.kms_reconnects.add();
    session.reset();
    session.emplace(TRY(KmsSession::open(config.socket_path, attester, identity)));
    identity = session->kms();
    return {};
  }

  // ask: a refusal outside of the session says that the key service does not know it any more, but it is the
  // host's word. Only what may be done twice is asked again.
  Result<Bytes> ask(const wire::GatewayRequest& request) {
    TRY(connect());
    auto answer = session->request(request);
    if (!answer && answer.error().site == "gateway.kms.refused") {
      const bool repeatable = std::holds_alternative<wire::GetView>(request) ||
                              std::holds_alternative<wire::SignCsr>(request) ||
                              std::holds_alternative<wire::NewCode>(request);
      if (!repeatable) return Error{ErrorCode::kUnavailable, "gateway.kms.outcome_unknown"};
      TRY(connect());
      answer = session->request(request);
    }
    if (!answer) return answer.error();
    time.raise_floor(answer->time_floor_unix_ms);
    return std::move(answer->body);
  }

  Status refresh_view() {
    Bytes body = TRY(ask(wire::GetView{.since_revision = view.snapshot()->revision()}));
    const WipeAtEnd wipe_body(body);
    return view.apply(TRY(wire::decode_view(body)));
  }

  Status renew_certificate() {
    if (certificate_end_ms > time.unix_ms() + config.renew_before_ms) return {};
    const TlsKey key = TRY(TlsKey::generate());
    wire::SignCsr request{.csr_der = TRY(key.signing_request())};
    const Bytes body = TRY(ask(std::move(request)));
    const wire::CertificateChain chain = TRY(wire::decode_certificate_chain(body));
    tls.set({TRY(make_tls_context(key, chain)), chain.not_after_unix_ms});
    certificate_end_ms = chain.not_after_unix_ms;
    return {};
  }

  Result<Bytes> serve(Job& job) {
    if (!job.request) {
      TRY(connect());
      return session->evidence(job.nonce);
    }
    Bytes body = TRY(ask(*job.request));
    if (!std::holds_alternative<wire::NewCode>(*job.request)) TRY(refresh_view());
    return body;
  }

  void run() {
    std::unique_lock lock(mutex);
    auto next_poll = std::chrono::steady_clock::now();
    while (!ending) {
      // What is due comes before the jobs: strangers can keep the queue full (evidence needs no user).
      const bool due = std::chrono::steady_clock::now() >= next_poll;
      if (!due && !jobs.empty()) {
        Job job = std::move(jobs.front());
        jobs.pop_front();
        lock.unlock();
        job.answer(serve(job));
        lock.lock();
        continue;
      }
      if (!due) {
        wake.wait_until(lock, next_poll);
        continue;
      }
      lock.unlock();
      Status fresh = refresh_view();
      if (fresh) fresh = renew_certificate();
      if (!fresh) log_warning(fresh.error().site);  // details stay inside
      next_poll = std::chrono::steady_clock::now() + std::chrono::milliseconds(config.poll_ms);
      lock.lock();
    }
    for (Job& job : jobs) job.answer(Error{ErrorCode::kUnavailable, "gateway.kms.ending"});
    jobs.clear();
  }

  bool push(Job job) {
    {
      const std::lock_guard lock(mutex);
      if (ending || jobs.size() >= kJobsMax) return false;
      jobs.push_back(std::move(job));
    }
    wake.notify_one();
    return true;
  }
};

namespace {

class WorkerLink final : public KmsLink {
 public:
  WorkerLink(std::function<bool(Job)> push, Poster post) : push_(std::move(push)), post_(std::move(post)) {}
  Task<Result<Bytes>> change(wire::GatewayRequest request) override {
    return ask({.request = std::move(request)});
  }
  Task<Result<Bytes>> evidence(Bytes nonce) override { return ask({.nonce = std::move(nonce)}); }

 private:
  Task<Result<Bytes>> ask(Job job) {
    OneShot<Result<Bytes>> answer;
    job.answer = [this, &answer](Result<Bytes> result) {
      post_([&answer, shared = std::make_shared<Result<Bytes>>(std::move(result))] {
        answer.set(std::move(*shared));
      });
    };
    if (!push_(std::move(job))) co_return Error{ErrorCode::kUnavailable, "gateway.kms.queue"};
    co_return co_await answer;
  }
  std::function<bool(Job)> push_;
  Poster post_;
};

}  // namespace

KmsThread::KmsThread(KmsLinkConfig config, attest::Attester& attester, View& view, TlsContextSlot& tls,
                     TimeSource& time, Metrics& metrics)
    : impl_(new Impl{.config = std::move(config),
                     .attester = attester,
                     .view = view,
                     .tls = tls,
                     .time = time,
                     .metrics = metrics}) {}

KmsThread::~KmsThread() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ending = true;
  }
  impl_->wake.notify_one();
  if (impl_->thread.joinable()) impl_->thread.join();
}

Status KmsThread::start() {
  TRY(impl_->refresh_view());  // first: the KMS certifies nobody who does not know the current state
  TRY(impl_->renew_certificate());
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
  return {};
}

std::unique_ptr<KmsLink> KmsThread::link(Poster post) {
  return std::make_unique<WorkerLink>([impl = impl_.get()](Job job) { return impl->push(std::move(job)); },
                                      std::move(post));
}

}  // namespace clemmys::gateway
