// The library's own definitions, compiled once.
#include <boost/asio/ssl/impl/src.hpp>
