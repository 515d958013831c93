// The library's own definitions, compiled once.
#include <boost/beast/src.hpp>
