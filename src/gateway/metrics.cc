#include "gateway/metrics.h"

#include <string_view>

namespace clemmys::gateway {

std::string Metrics::prometheus() const {
  std::string out;
  const auto line = [&](std::string_view name, std::string_view type, const Counter& counter) {
    out.append("# TYPE clemmys_gateway_")
        .append(name)
        .append(" ")
        .append(type)
        .append("\nclemmys_gateway_")
        .append(name);
    out.append(" ").append(std::to_string(counter.value())).append("\n");
  };
  out.append("# TYPE clemmys_gateway_responses_total counter\n");
  for (std::size_t digit = 1; digit < responses.size(); ++digit) {
    out.append("clemmys_gateway_responses_total{status=\"").append(std::to_string(digit)).append("xx\"} ");
    out.append(std::to_string(responses[digit].value())).append("\n");
  }
  line("connections_total", "counter", connections);
  line("connections_open", "gauge", connections_open);
  line("connections_refused_total", "counter", connections_refused);
  line("handshakes_failed_total", "counter", handshakes_failed);
  line("slow_clients_total", "counter", slow_clients);
  line("authentication_failures_total", "counter", authentication_failures);
  line("activations_total", "counter", activations);
  line("activations_open", "gauge", activations_open);
  line("activations_failed_total", "counter", activations_failed);
  line("answers_refused_total", "counter", answers_refused);
  line("events_refused_total", "counter", events_refused);
  line("records_refused_total", "counter", records_refused);
  line("records_unstored_total", "counter", records_unstored);
  line("kms_reconnects_total", "counter", kms_reconnects);
  line("controller_reconnects_total", "counter", controller_reconnects);
  return out;
}

}  // namespace clemmys::gateway
