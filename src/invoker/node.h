// node.h: controller and invoker of one machine in one process, on one thread (the store has another).
// `clemmys-node` is it as a program; `clemmys up` may hold it as an object.
#pragma once

#include <memory>
#include <string>

#include "controller/scheduler.h"
#include "invoker/local_invoker.h"

namespace clemmys::invoker {

struct NodeOptions {
  std::string controller_socket;  // made here; gateways connect to it
  std::string kms_socket;         // the KMS's
  std::string state_directory;    // store and images
  std::string observe_directory;  // empty: none; see controller/observer.h
  HostProgram host;
  controller::SchedulerLimits limits;
  // Scripts run on this image, whose file is put among the others; some instances of it wait for a function.
  // What they hold is taken off `limits` for good: one that gets a function makes room for the next to wait.
  struct Generic {
    Measurement image;
    Bytes file;  // empty: there is none
    std::size_t prewarmed = 0;
  } generic;
};

// read_generic_image measures the image in a file; none of its instances is prewarmed yet.
Result<NodeOptions::Generic> read_generic_image(const std::string& path);

class Node {
 public:
  // open is listening when it returns.
  static Result<std::unique_ptr<Node>> open(const NodeOptions& options);
  ~Node();
  // run serves until stop(), on the calling thread, which must live as long as the instances: they die with
  // it.
  void run();
  // stop answers what is open with kShutdown, ends all instances and reaps them; then run() returns. Any
  // thread; not in a signal handler.
  void stop();
  // stop_on_signals makes SIGINT and SIGTERM call stop(). Before run().
  void stop_on_signals();

 private:
  struct State;
  explicit Node(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace clemmys::invoker
