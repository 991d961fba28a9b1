//: exp needs base
/* e^x to within 2 units in the last place. Here products are fused with sums: fmaf rounds once everywhere. */
static float exponential(float x) {
    const float round = 12582912.0f;
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float shifted = fmaf(x, 1.44269504f, round), n = shifted - round;
    float r = fmaf(n, 2.1219444e-4f, fmaf(n, -0.6933594f, x));
    float p = 1.9875691e-4f;
    p = fmaf(p, r, 1.3982e-3f);
    p = fmaf(p, r, 8.333452e-3f);
    p = fmaf(p, r, 4.1665796e-2f);
    p = fmaf(p, r, 1.6666665e-1f);
    p = fmaf(p, r, 0.5f);
    float y = fmaf(p, r * r, r) + 1.0f, power;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + ((uint32_t)127 << 23);
    memcpy(&power, &bits, sizeof power);
    return y * power;
}

//: sigmoid needs exp
static void sigmoid(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = 1.0f / (1.0f + exponential(-x[i]));
}

//: tanh needs exp
static void hyperbolic_tangent(size_t count, const float *x, float *y) {
    for (size_t i = 0; i < count; i++) {
        float size = fabsf(x[i]), square = x[i] * x[i];
        float near = size * (945.0f + square * (105.0f + square)) / (945.0f + square * (420.0f + 15.0f * square));
        float far = 1.0f - 2.0f / (exponential(2.0f * size) + 1.0f);
        y[i] = copysignf(size < 0.6f ? near : far, x[i]);
    }
}

//: affine needs base
static void affine(size_t size, float scale, float shift, const float *x, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = scale * x[i] + shift;
}

//: map_exp needs exp
static void map_exp(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = exponential(x[i]);
}

//: map_log needs logarithm
static void map_log(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i++)
        y[i] = x[i] < 0.0f || isnan(x[i]) ? NAN : x[i] == 0.0f ? -INFINITY : isinf(x[i]) ? x[i] : (float)logarithm((double)x[i], 0.0);
}

//: map_sqrt needs base
static void map_sqrt(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = sqrtf(x[i]);
}

//: map_reciprocal needs base
static void map_reciprocal(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = 1.0f / x[i];
}

//: softmax needs exp
/* Shares along the middle axis of x [outer, along, inner]. */
static void softmax(size_t outer, size_t along, size_t inner, const float *x, float *y) {
    for (size_t block = 0; block < outer; block++, x += along * inner, y += along * inner)
        for (size_t d = 0; d < inner; d++) {
            float most = -INFINITY, sum = 0.0f;
            for (size_t k = 0; k < along; k++) most = x[k * inner + d] > most ? x[k * inner + d] : most;
            for (size_t k = 0; k < along; k++) y[k * inner + d] = exponential(x[k * inner + d] - most);
            for (size_t k = 0; k < along; k++) sum += y[k * inner + d];
            for (size_t k = 0; k < along; k++) y[k * inner + d] /= sum;
        }
}

//: transpose needs base
static void transpose(size_t n, size_t e, const float *x, float *y) {
    for (size_t d = 0; d < e; d++)
        for (size_t i = 0; i < n; i++) *y++ = x[i * e + d];
}

//: matmul needs base
/* [n, m] times [m, e]. */
static void matmul(size_t n, size_t m, size_t e, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < n; i++, a += m)
        for (size_t d = 0; d < e; d++) {
            float sum = 0.0f;
            for (size_t k = 0; k < m; k++) sum += a[k] * b[k * e + d];
            *y++ = sum;
        }
}

//: relu needs base
static void relu(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

//: square needs base
static void square(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = x[i] * x[i];
}

//: add needs base
static void add(size_t size, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = a[i] + b[i];
}

//: sub needs base
static void sub(size_t size, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = a[i] - b[i];
}

//: mul needs base
static void mul(size_t size, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < size; i++) y[i] = a[i] * b[i];
}

//: scale needs base
/* Each of the rows times its number. */
static void scale(size_t rows, size_t width, const float *x, const float *by, float *y) {
    for (size_t i = 0; i < rows; i++)
        for (size_t d = 0; d < width; d++) y[i * width + d] = x[i * width + d] * by[i];
}

//: embed_numbers needs base
static void embed_numbers(size_t count, size_t dim, const float *vectors, const float *x, float *y) {
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < dim; d++) y[i * dim + d] = vectors[i * dim + d] * x[i];
}

//: linear needs base
/* y = W x + b along the middle axis of x [outer, in, inner]; b may be NULL. */
static void linear(size_t outer, size_t in, size_t out, size_t inner, const float *w, const float *b, const float *x, float *y) {
    for (size_t block = 0; block < outer; block++, x += in * inner)
        for (size_t o = 0; o < out; o++)
            for (size_t d = 0; d < inner; d++) {
                float sum = b == NULL ? 0.0f : b[o];
                for (size_t k = 0; k < in; k++) sum += w[o * in + k] * x[k * inner + d];
                *y++ = sum;
            }
}

//: linear_each needs base
/* y_i = W_i x_i + b_i for each of `count` fields; b may be NULL. */
static void linear_each(size_t count, size_t in, size_t out, const float *w, const float *b, const float *x, float *y) {
    for (size_t i = 0; i < count; i++, x += in)
        for (size_t o = 0; o < out; o++, w += in) {
            float sum = b == NULL ? 0.0f : *b++;
            for (size_t k = 0; k < in; k++) sum += w[k] * x[k];
            *y++ = sum;
        }
}

//: layer_norm needs base
static void layer_norm(size_t outer, size_t size, size_t inner, float eps, const float *scale, const float *shift,
                       const float *x, float *y) {
    float per = 1.0f / (float)size;
    for (size_t block = 0; block < outer; block++, x += size * inner, y += size * inner)
        for (size_t d = 0; d < inner; d++) {
            float mean = 0.0f, squares = 0.0f;
            for (size_t i = 0; i < size; i++) mean += x[i * inner + d];
            mean *= per;
            for (size_t i = 0; i < size; i++) squares += (x[i * inner + d] - mean) * (x[i * inner + d] - mean);
            float deviation = 1.0f / sqrtf(squares * per + eps);
            for (size_t i = 0; i < size; i++)
                y[i * inner + d] = (x[i * inner + d] - mean) * deviation * scale[i] + shift[i];
        }
}

//: batch_norm needs base
static void batch_norm(size_t size, double eps, const float *scale, const float *shift, const float *mean,
                       const float *variance, const float *x, float *y) {
    for (size_t i = 0; i < size; i++) {
        float deviation = (float)(1.0 / sqrt((double)variance[i] + eps));
        y[i] = (x[i] - mean[i]) * (deviation * scale[i]) + shift[i];
    }
}

//: sum_fields needs base
static void sum_fields(size_t fields, size_t dim, const float *x, float *y) {
    memcpy(y, x, dim * sizeof *y);
    for (size_t i = 1; i < fields; i++)
        for (size_t d = 0; d < dim; d++) y[d] += x[i * dim + d];
}

//: reduce_sum needs base
static void reduce_sum(size_t rows, size_t width, float by, const float *x, float *y) {
    for (size_t i = 0; i < rows; i++, x += width) {
        float sum = x[0];
        for (size_t d = 1; d < width; d++) sum += x[d];
        y[i] = by == 1.0f ? sum : sum * by;
    }
}

//: reduce_max needs base
static void reduce_max(size_t rows, size_t width, const float *x, float *y) {
    for (size_t i = 0; i < rows; i++, x += width) {
        float most = x[0];
        for (size_t d = 1; d < width; d++) most = most >= x[d] || most != most ? most : x[d];
        y[i] = most;
    }
}

//: inner_product needs base
static float dot(size_t size, const float *a, const float *b) {
    float sum = 0.0f;
    for (size_t i = 0; i < size; i++) sum += a[i] * b[i];
    return sum;
}

//: gram needs inner_product
static void gram(size_t n, size_t e, const float *x, float *y) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) y[i * n + j] = dot(e, x + i * e, x + j * e);
}

//: lower_triangle needs base
static void lower_triangle(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) *y++ = x[i * n + j];
}

//: field_products needs base
static void field_products(size_t left, size_t right, size_t e, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < left; i++)
        for (size_t j = 0; j < right; j++)
            for (size_t d = 0; d < e; d++) *y++ = a[i * e + d] * b[j * e + d];
}

//: pair_products needs base
static void pair_products(size_t n, size_t e, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            for (size_t d = 0; d < e; d++) *y++ = a[i * e + d] * b[j * e + d];
}

//: attention needs exp inner_product linear
/* Over x [n, e]; room: 4 n e + n + e values. */
static void attention(size_t n, size_t e, size_t heads, const float *w, const float *b, const float *out, const float *out_b,
                      const float *x, float *room, float *y) {
    size_t width = e / heads;
    float by = 1.0f / sqrtf((float)width), *qkv = room, *mixed = qkv + 3 * n * e, *score = mixed + n * e, *query = score + n;
    linear(n, e, 3 * e, 1, w, b, x, qkv);
    for (size_t head = 0; head < heads; head++)
        for (size_t i = 0; i < n; i++) {
            const float *own = qkv + i * 3 * e + head * width;
            float most = -INFINITY, sum = 0.0f;
            for (size_t d = 0; d < width; d++) query[d] = own[d] * by;
            for (size_t j = 0; j < n; j++) score[j] = dot(width, query, qkv + j * 3 * e + e + head * width);
            for (size_t j = 0; j < n; j++) most = score[j] < most ? most : score[j];
            for (size_t j = 0; j < n; j++) score[j] = exponential(score[j] - most);
            for (size_t j = 0; j < n; j++) sum += score[j];
            float share = 1.0f / sum;
            for (size_t d = 0; d < width; d++) {
                float value = 0.0f;
                for (size_t j = 0; j < n; j++) value += score[j] * qkv[j * 3 * e + 2 * e + head * width + d];
                mixed[i * e + head * width + d] = value * share;
            }
        }
    linear(n, e, e, 1, out, out_b, mixed, y);
}

//: look_up needs floats
static void look_up(const float *table, size_t dim, uint32_t row, float *y) {
    memcpy(y, table + (size_t)row * dim, dim * sizeof *y);
}

//: pool needs floats
/* The rows of a bag as one: 's' their sum, 'm' their mean, 'x' the greatest of each number. */
static void pool(char how, const float *table, size_t dim, size_t slots, const uint32_t *ids, float *y) {
    uint32_t count = 0;
    for (size_t d = 0; d < dim; d++) y[d] = how == 'x' ? -INFINITY : 0.0f;
    for (size_t slot = 0; slot < slots; slot++) {
        if (ids[slot] == UINT32_MAX) continue;
        const float *row = table + (size_t)ids[slot] * dim;
        count++;
        for (size_t d = 0; d < dim; d++) {
            if (how != 'x') y[d] += row[d];
            else if (row[d] > y[d]) y[d] = row[d];
        }
    }
    for (size_t d = 0; d < dim; d++) {
        if (count == 0) y[d] = 0.0f;
        else if (how == 'm') y[d] /= (float)count;
    }
}
