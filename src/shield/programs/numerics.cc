// Number crunching by other languages' libraries: LAPACK and its Fortran runtime, GMP, and vector code as
// compilers make it.
#include <gmp.h>

#include <cmath>
#include <cstdio>
#include <vector>

extern "C" void dgesv_(const int* n, const int* nrhs, double* a, const int* lda, int* ipiv, double* b,
                       const int* ldb, int* info);
extern "C" void dsyev_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w,
                       double* work, const int* lwork, int* info);

namespace {

void solve() {
  const int n = 200, one = 1;
  std::vector<double> a(n * n), b(n, 1.0), kept;
  unsigned state = 3;
  for (double& value : a) state = state * 1664525 + 1013904223, value = (state >> 8) / 1e7 - 0.8;
  for (int i = 0; i < n; ++i) a[i * n + i] += 50;
  kept = a;
  std::vector<int> pivots(n);
  int info = -1;
  dgesv_(&n, &one, a.data(), &n, pivots.data(), b.data(), &n, &info);
  double worst = 0;
  for (int row = 0; row < n; ++row) {
    double sum = -1;
    for (int column = 0; column < n; ++column) sum += kept[column * n + row] * b[column];
    worst = std::fmax(worst, std::fabs(sum));
  }
  std::printf("solved %d, residual below 1e-9 %d, x0 %.10f\n", info, worst < 1e-9, b[0]);
  const int m = 60, room = 64 * m;
  std::vector<double> s(m * m), w(m), work(room);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < m; ++j) s[i * m + j] = 1.0 / (i + j + 1);
  dsyev_("N", "U", &m, s.data(), &m, w.data(), work.data(), &room, &info);
  std::printf("eigenvalue %d %.10f\n", info, w.back());
}

void pi() {  // Machin's formula to 2,000 digits
  mpz_t unit, sum, term;
  mpz_inits(unit, sum, term, nullptr);
  mpz_ui_pow_ui(unit, 10, 2010);
  const auto add = [&](unsigned long x, unsigned long factor, bool minus) {
    mpz_tdiv_q_ui(term, unit, x);
    mpz_mul_ui(term, term, factor);
    mpz_t part;
    mpz_init(part);
    for (unsigned long k = 1; mpz_sgn(term) != 0; k += 2, mpz_tdiv_q_ui(term, term, x * x)) {
      mpz_tdiv_q_ui(part, term, k);
      ((k % 4 == 1) != minus ? mpz_add : mpz_sub)(sum, sum, part);
    }
    mpz_clear(part);
  };
  add(5, 16, false);
  add(239, 4, true);
  mpz_ui_pow_ui(term, 10, 10);
  mpz_tdiv_q(sum, sum, term);
  std::vector<char> text(mpz_sizeinbase(sum, 10) + 2);
  mpz_get_str(text.data(), 10, sum);
  std::printf("pi %.20s…%s\n", text.data(), text.data() + 1981);
  mpz_ui_pow_ui(term, 2, 4423);
  mpz_sub_ui(term, term, 1);
  std::printf("2^4423-1 prime %d\n", mpz_probab_prime_p(term, 1) > 0);
}

void vectors() {
  std::vector<float> x(1 << 16), y(1 << 16);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 1000) * 0.25f, y[i] = 1;
  for (int round = 0; round < 200; ++round)
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = y[i] * 0.5f + x[i];
  double sum = 0;
  for (const float value : y) sum += value;
  std::printf("vectors %.1f, sin %.15f, tgamma %.12f\n", sum, std::sin(1e5), std::tgamma(5.5));
}

}  // namespace

int main() {
  solve();
  pi();
  vectors();
  return 0;
}
