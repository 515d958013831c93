// The library's own definitions, compiled once.
#include <boost/asio/impl/src.hpp>
