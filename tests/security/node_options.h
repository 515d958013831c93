// node_options.h: clemmys-node's command line for the programs that take its place under `clemmys up`.
#pragma once

#include <CLI/CLI.hpp>

#include "invoker/node.h"

namespace clemmys::testing {

// parse_node_options ends the process on a mistake; what it does not know it ignores.
inline invoker::NodeOptions parse_node_options(int argc, char** argv) {
  invoker::NodeOptions options;
  CLI::App app("A node for tests.");
  app.add_option("--controller-socket", options.controller_socket);
  app.add_option("--kms-socket", options.kms_socket);
  app.add_option("--state", options.state_directory);
  app.add_option("--host-binary", options.host.binary);
  app.add_option("--platform", options.host.platform);
  app.add_option("--soft-state", options.host.soft_state);
  app.add_option("--quote-socket", options.host.quote_socket);
  app.add_option("--prewarmed", options.host.prewarmed);
  std::string generic_image;
  app.add_option("--generic-image", generic_image);
  app.allow_extras();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  if (!generic_image.empty()) options.generic = *invoker::read_generic_image(generic_image);
  return options;
}

}  // namespace clemmys::testing
