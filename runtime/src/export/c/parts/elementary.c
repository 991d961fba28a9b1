//: bits needs base
/* Functions of a C library are rounded as each of them sees fit; those below have the same bits everywhere. */
static double number_of(uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

//: logistic needs bits
/* 1 / (1 + e^-x); beyond 700 it is 0 or 1 as a float. */
static double logistic(double x) {
    if (isnan(x)) return x;
    const double whole = 6755399441055744.0;
    double t = x > 700.0 ? -700.0 : x < -700.0 ? 700.0 : -x;
    double n = (t * 1.4426950408889634 + whole) - whole;
    double r = (t - n * 0.6931471803691238) - n * 1.9082149292705877e-10, power = 0.0;
    static const double factorials[14] = {6227020800.0, 479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0,
                                          720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0};
    for (int i = 0; i < 14; i++) power = power * r + 1.0 / factorials[i];
    return 1.0 / (1.0 + power * number_of((uint64_t)((int64_t)n + 1023) << 52));
}

//: logarithm needs bits
/* The logarithm of a normal number, and a small share of it more. */
static double logarithm(double u, double lost) {
    uint64_t bits;
    memcpy(&bits, &u, sizeof bits);
    double k = (double)((int64_t)(bits >> 52) - 1023), m = number_of((bits & 0xfffffffffffffu) | 0x3ff0000000000000u);
    if (m > 1.4142135623730951) k += 1.0, m *= 0.5;
    double f = m - 1.0, s = f / (2.0 + f), z = s * s, twice = 2.0 * s, sum = 0.0;
    for (int odd = 25; odd >= 3; odd -= 2) sum = (sum + 1.0 / (double)odd) * z;
    return k * 0.6931471803691238 + (twice + (twice * sum + (k * 1.9082149292705877e-10 + lost)));
}

//: log1p needs logarithm
/* The logarithm of 1 + x. */
static double log1p_of(double x) {
    if (isnan(x) || x < -1.0) return NAN;
    if (x == -1.0) return -INFINITY;
    if (isinf(x) || fabs(x) < 1.1102230246251565e-16) return x;
    double u = 1.0 + x, lost = (x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x)) / u;
    return logarithm(u, lost);
}
