//: base
/* Sums are added up in their order and rounded once each: nothing may be fused, and nothing kept in wider registers. */
#if defined(__clang__) || !defined(__GNUC__)
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("-ffp-contract=off")
#endif
#if !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD != 0
#error "float has to be computed as float: with GCC on 32-bit x86 say -msse2 -mfpmath=sse"
#endif

static uint32_t read_32(const unsigned char *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t read_64(const unsigned char *at) { return (uint64_t)read_32(at) | (uint64_t)read_32(at + 4) << 32; }

//: hash needs base
/* XXH3, 64 bits, of any length and seed (https://github.com/Cyan4973/xxHash, BSD 2-Clause). */
static const unsigned char SECRET[192] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

static const uint64_t P1 = 0x9E3779B185EBCA87u, P2 = 0xC2B2AE3D27D4EB4Fu, P3 = 0x165667B19E3779F9u;
static const uint64_t P4 = 0x85EBCA77C2B2AE63u, P5 = 0x27D4EB2F165667C5u;

static uint64_t swapped(uint64_t x) {
    x = (x & 0x00ff00ff00ff00ffu) << 8 | (x >> 8 & 0x00ff00ff00ff00ffu);
    x = (x & 0x0000ffff0000ffffu) << 16 | (x >> 16 & 0x0000ffff0000ffffu);
    return x << 32 | x >> 32;
}

/* Both halves of the product of 128 bits, by exclusive or. */
static uint64_t folded(uint64_t a, uint64_t b) {
    uint64_t al = a & 0xffffffffu, ah = a >> 32, bl = b & 0xffffffffu, bh = b >> 32;
    uint64_t ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
    uint64_t middle = (ll >> 32) + (lh & 0xffffffffu) + hl;
    uint64_t high = hh + (lh >> 32) + (middle >> 32), low = middle << 32 | (ll & 0xffffffffu);
    return high ^ low;
}

static uint64_t avalanche(uint64_t h) {
    h = (h ^ h >> 37) * 0x165667919E3779F9u;
    return h ^ h >> 32;
}

static uint64_t avalanche_short(uint64_t h) {
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

static uint64_t mixed_16(const unsigned char *at, const unsigned char *secret, uint64_t seed) {
    return folded(read_64(at) ^ (read_64(secret) + seed), read_64(at + 8) ^ (read_64(secret + 8) - seed));
}

static void hash_stripe(uint64_t *sums, const unsigned char *at, const unsigned char *secret) {
    for (int i = 0; i < 8; i++) {
        uint64_t data = read_64(at + 8 * i), key = data ^ read_64(secret + 8 * i);
        sums[i ^ 1] += data;
        sums[i] += (key & 0xffffffffu) * (key >> 32);
    }
}

static uint64_t hash_long(const unsigned char *at, size_t length, uint64_t seed) {
    unsigned char secret[192];
    uint64_t sums[8] = {0xC2B2AE3Du, P1, P2, P3, P4, 0x85EBCA77u, P5, 0x9E3779B1u};
    for (int i = 0; i < 12; i++) {
        uint64_t halves[2] = {read_64(SECRET + 16 * i) + seed, read_64(SECRET + 16 * i + 8) - seed};
        for (int byte = 0; byte < 16; byte++)
            secret[16 * i + byte] = (unsigned char)(halves[byte / 8] >> (8 * (byte % 8)));
    }
    size_t blocks = (length - 1) / 1024;
    for (size_t block = 0; block < blocks; block++) {
        for (size_t stripe = 0; stripe < 16; stripe++)
            hash_stripe(sums, at + block * 1024 + stripe * 64, secret + 8 * stripe);
        for (int i = 0; i < 8; i++)
            sums[i] = ((sums[i] ^ sums[i] >> 47) ^ read_64(secret + 128 + 8 * i)) * 0x9E3779B1u;
    }
    size_t stripes = ((length - 1) - 1024 * blocks) / 64;
    for (size_t stripe = 0; stripe < stripes; stripe++)
        hash_stripe(sums, at + blocks * 1024 + stripe * 64, secret + 8 * stripe);
    hash_stripe(sums, at + length - 64, secret + 121);
    uint64_t merged = (uint64_t)length * P1;
    for (int i = 0; i < 4; i++)
        merged += folded(sums[2 * i] ^ read_64(secret + 11 + 16 * i), sums[2 * i + 1] ^ read_64(secret + 19 + 16 * i));
    return avalanche(merged);
}

static uint64_t hash(const void *bytes, size_t length, uint64_t seed) {
    const unsigned char *at = bytes;
    uint64_t sum = (uint64_t)length * P1;
    if (length > 240) return hash_long(at, length, seed);
    if (length > 128) {
        size_t rounds = length / 16;
        for (size_t i = 0; i < 8; i++) sum += mixed_16(at + 16 * i, SECRET + 16 * i, seed);
        sum = avalanche(sum);
        for (size_t i = 8; i < rounds; i++) sum += mixed_16(at + 16 * i, SECRET + 16 * (i - 8) + 3, seed);
        return avalanche(sum + mixed_16(at + length - 16, SECRET + 119, seed));
    }
    if (length > 16) {
        for (size_t i = (length - 1) / 32 + 1; i-- > 0;) {
            sum += mixed_16(at + 16 * i, SECRET + 32 * i, seed);
            sum += mixed_16(at + length - 16 * (i + 1), SECRET + 32 * i + 16, seed);
        }
        return avalanche(sum);
    }
    if (length > 8) {
        uint64_t low = read_64(at) ^ ((read_64(SECRET + 24) ^ read_64(SECRET + 32)) + seed);
        uint64_t high = read_64(at + length - 8) ^ ((read_64(SECRET + 40) ^ read_64(SECRET + 48)) - seed);
        return avalanche((uint64_t)length + swapped(low) + high + folded(low, high));
    }
    if (length > 3) {
        uint64_t flipped = seed ^ (swapped(seed & 0xffffffffu) >> 32) << 32;
        uint64_t h = (uint64_t)read_32(at + length - 4) + ((uint64_t)read_32(at) << 32);
        h ^= (read_64(SECRET + 8) ^ read_64(SECRET + 16)) - flipped;
        h ^= (h << 49 | h >> 15) ^ (h << 24 | h >> 40);
        h *= 0x9FB21C651E98DF25u;
        h = (h ^ ((h >> 35) + (uint64_t)length)) * 0x9FB21C651E98DF25u;
        return h ^ h >> 28;
    }
    if (length > 0) {
        uint64_t h = (uint64_t)at[0] << 16 | (uint64_t)at[length >> 1] << 24 | at[length - 1] | (uint64_t)length << 8;
        return avalanche_short(h ^ ((uint64_t)(read_32(SECRET) ^ read_32(SECRET + 4)) + seed));
    }
    return avalanche_short(seed ^ read_64(SECRET + 56) ^ read_64(SECRET + 64));
}

//: load needs hash
int nasrec_open(struct nasrec_model *model, void *bytes, size_t length) {
    const uint32_t one = 1;
    model->bytes = bytes;
    int sound = length == WEIGHTS_LENGTH && *(const unsigned char *)&one == 1;
    return sound && hash(bytes, length, 0) == WEIGHTS_HASH ? 0 : NASREC_OTHER_WEIGHTS;
}

int nasrec_load(struct nasrec_model *model, const char *path) {
    FILE *file = fopen(path, "rb");
    model->bytes = NULL;
    if (file == NULL) return NASREC_UNREADABLE;
    void *bytes = malloc(WEIGHTS_LENGTH);
    size_t length = bytes == NULL ? 0 : fread(bytes, 1, WEIGHTS_LENGTH, file);
    int whole = length == WEIGHTS_LENGTH && fgetc(file) == EOF;
    fclose(file);
    if (whole && nasrec_open(model, bytes, length) == 0) return 0;
    free(bytes);
    model->bytes = NULL;
    return NASREC_OTHER_WEIGHTS;
}

void nasrec_free(struct nasrec_model *model) {
    free(model->bytes);
    model->bytes = NULL;
}

//: floats
static const float *floats(const struct nasrec_model *model, size_t at) {
    return (const float *)(const void *)(model->bytes + at);
}
