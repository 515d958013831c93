// The compiled halves of Boost.Asio and Boost.Beast, once for this program.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
