// asio.cc: Boost.Asio's own code, compiled once for the untrusted side (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
