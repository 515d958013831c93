// A program that ends without ever taking a request.
int main() { return 0; }
