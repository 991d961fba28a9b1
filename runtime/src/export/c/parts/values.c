//: text needs base
struct text {
    const char *at;
    size_t length;
};

static int is_text(struct text text, const char *other) {
    return strlen(other) == text.length && memcmp(text.at, other, text.length) == 0;
}

static struct text trimmed(struct text text) {
    while (text.length > 0 && strchr(" \t\n\v\f\r", text.at[0]) != NULL) text.at++, text.length--;
    while (text.length > 0 && strchr(" \t\n\v\f\r", text.at[text.length - 1]) != NULL) text.length--;
    return text;
}

static int is_digit(char byte) { return byte >= '0' && byte <= '9'; }

//: missing needs text
static int is_missing(struct text text) {
    if (text.length == 0) return 1;
    for (size_t i = 0; MARKS[i] != NULL; i++)
        if (is_text(text, MARKS[i])) return 1;
    return 0;
}

static struct text field(const char *const *fields, size_t column) {
    const char *at = fields[column] == NULL ? "" : fields[column];
    struct text text = {at, strlen(at)};
    return text;
}

//: number needs text
/* A finite number in decimal notation. The process has to be in the C locale, as every process begins. */
static int read_number(struct text text, double *number) {
    text = trimmed(text);
    size_t at = 0, digits = 0;
    if (at < text.length && (text.at[at] == '+' || text.at[at] == '-')) at++;
    for (; at < text.length && is_digit(text.at[at]); at++) digits++;
    if (at < text.length && text.at[at] == '.')
        for (at++; at < text.length && is_digit(text.at[at]); at++) digits++;
    if (digits == 0) return 0;
    if (at < text.length && (text.at[at] == 'e' || text.at[at] == 'E')) {
        at++;
        if (at < text.length && (text.at[at] == '+' || text.at[at] == '-')) at++;
        if (at == text.length) return 0;
        for (; at < text.length && is_digit(text.at[at]); at++) {}
    }
    if (at != text.length || !(at > 0 && (is_digit(text.at[at - 1]) || text.at[at - 1] == '.'))) return 0;
    char *end;
    *number = strtod(text.at, &end);
    return end == text.at + text.length && isfinite(*number);
}

//: whole needs number
static int read_whole(struct text text, double *number) { return read_number(text, number) && trunc(*number) == *number; }

//: truth needs text
static int read_truth(struct text text, double *number) {
    static const char *const words[2][6] = {{"0", "false", "no", "f", "n", "0.0"}, {"1", "true", "yes", "t", "y", "1.0"}};
    for (int truth = 0; truth < 2; truth++)
        for (int word = 0; word < 6; word++) {
            size_t at = 0;
            for (; at < text.length && words[truth][word][at] != '\0'; at++) {
                char byte = text.at[at];
                if (byte >= 'A' && byte <= 'Z') byte = (char)(byte - 'A' + 'a');
                if (byte != words[truth][word][at]) break;
            }
            if (at == text.length && words[truth][word][at] == '\0') {
                *number = truth;
                return 1;
            }
        }
    return 0;
}

//: milliseconds needs number
static int read_milliseconds(struct text text, double *number) {
    if (!read_number(text, number)) return 0;
    *number /= 1e3;
    return 1;
}

//: days needs base
/* Days since 1970 of a day of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

//: time needs text days
/* A date or time by a pattern of %Y, %y, %m, %d, %H, %M, %S and characters that stand for themselves; what it does not say is the
   least that it can be. */
static int read_time(const char *pattern, struct text text, double *number) {
    int64_t part[6] = {1970, 1, 1, 0, 0, 0};
    size_t at = 0;
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '%') {
            if (at == text.length || text.at[at++] != *pattern) return 0;
            continue;
        }
        const char *which = strchr("YymdHMS", *++pattern);
        if (which == NULL || *which == '\0') return 0;
        size_t most = *which == 'Y' ? 4 : 2, begin = at;
        int64_t said = 0;
        for (; at < text.length && at - begin < most && is_digit(text.at[at]); at++) said = 10 * said + (text.at[at] - '0');
        if (at == begin) return 0;
        if (*which == 'y') said += said < 69 ? 2000 : 1900;
        part[strchr("YmdHMS", *which == 'y' ? 'Y' : *which) - "YmdHMS"] = said;
    }
    static const int most[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = part[0], leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (at != text.length || part[1] < 1 || part[1] > 12 || part[2] < 1) return 0;
    if (part[2] > most[part[1] - 1] + (part[1] == 2 ? leap : 0) || part[3] > 23 || part[4] > 59 || part[5] > 59) return 0;
    *number = (double)(days_of(year, part[1], part[2]) * 86400 + part[3] * 3600 + part[4] * 60 + part[5]);
    return 1;
}

//: int_key needs text
/* A whole number of 64 bits, negative or not; 3.0 is 3. */
static int read_int(struct text text, uint64_t *key) {
    text = trimmed(text);
    size_t at = 0, begin;
    int negative = text.length > 0 && text.at[0] == '-';
    uint64_t value = 0;
    for (at = begin = (size_t)negative; at < text.length && is_digit(text.at[at]); at++) {
        uint64_t digit = (uint64_t)(text.at[at] - '0');
        if (value > (UINT64_MAX - digit) / 10) return 0;
        value = 10 * value + digit;
    }
    if (at == begin) return 0;
    if (negative && value > (uint64_t)1 << 63) return 0;
    if (at < text.length && text.at[at] == '.')
        for (at++; at < text.length && text.at[at] == '0'; at++) {}
    *key = negative ? (uint64_t)0 - value : value;
    return at == text.length;
}

//: hex_key needs text
static int read_hex(struct text text, uint64_t *key) {
    *key = 0;
    if (text.length < 1 || text.length > 16) return 0;
    for (size_t at = 0; at < text.length; at++) {
        char byte = text.at[at];
        int digit = is_digit(byte) ? byte - '0' : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                  : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : 16;
        if (digit == 16) return 0;
        *key = *key << 4 | (uint64_t)digit;
    }
    return 1;
}

//: key_text needs text
/* A number as the bytes that are hashed and looked up in its place. */
static struct text key_text(uint64_t key, char *room) {
    for (int byte = 0; byte < 8; byte++) room[byte] = (char)(unsigned char)(key >> (8 * byte));
    struct text text = {room, 8};
    return text;
}

//: modulo needs base
static uint32_t modulo(uint64_t key, uint32_t rows) { return (uint32_t)(key % (rows - 1)) + 1; }

//: hashed needs hash modulo text
static uint32_t hashed(struct text text, uint64_t seed, uint32_t rows) {
    return modulo(hash(text.at, text.length, seed), rows);
}

//: known needs text
/* Where a value is among the sorted ones of a dictionary: so many, where each ends, and their bytes. So many where it is not there. */
static uint32_t known(const struct nasrec_model *model, size_t dictionary, uint32_t count, struct text text) {
    const unsigned char *ends = model->bytes + dictionary, *bytes = ends + 4 * (size_t)count;
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        size_t start = middle == 0 ? 0 : read_32(ends + 4 * (size_t)(middle - 1));
        size_t length = read_32(ends + 4 * (size_t)middle) - start;
        int order = memcmp(bytes + start, text.at, length < text.length ? length : text.length);
        if (order == 0 && length == text.length) return middle;
        if (order < 0 || (order == 0 && length < text.length)) low = middle + 1;
        else high = middle;
    }
    return count;
}

//: reached needs base
/* How many of sorted edges a number reaches. */
static uint32_t reached(const struct nasrec_model *model, size_t edges, uint32_t count, double number) {
    const double *edge = (const double *)(const void *)(model->bytes + edges);
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (edge[middle] <= number) low = middle + 1;
        else high = middle;
    }
    return low;
}

//: log_square needs reached
/* The edges say from where on the square of the logarithm is a whole number more. */
static uint32_t log_square(const struct nasrec_model *model, size_t edges, uint32_t count, uint32_t zero, double number) {
    if (number > 2.0) return zero + reached(model, edges, count, number) - 1;
    double least = 1.0 - (double)zero;
    return (uint32_t)((double)zero + trunc(number < least ? least : number));
}

//: log_buckets needs reached
static uint32_t log_buckets(const struct nasrec_model *model, size_t edges, uint32_t count, uint32_t zero, double number) {
    uint32_t bucket = reached(model, edges, count, fabs(number)) - 1;
    return number < 0.0 ? zero - bucket : zero + bucket;
}

//: part_of_time needs days
/* 'h' hour, 'w' weekday, 'e' weekend, 'd' day, 'm' month, of seconds since 1970, a Thursday. */
static uint32_t part_of_time(char part, double number) {
    double whole = floor(number);
    int64_t seconds = whole <= -9223372036854775808.0 ? INT64_MIN : whole >= 9223372036854775807.0 ? INT64_MAX : (int64_t)whole;
    int64_t days = seconds / 86400 - (seconds % 86400 < 0), second = seconds - days * 86400;
    int64_t weekday = ((days + 3) % 7 + 7) % 7;
    if (part == 'h') return (uint32_t)(second / 3600) + 1;
    if (part == 'w') return (uint32_t)weekday + 1;
    if (part == 'e') return (weekday > 4) + 1u;
    int64_t near = days < -3000000 ? -3000000 : days > 2900000 ? 2900000 : days, year = 1970 + near / 366, month = 1;
    if (near < 0) year = 1970 + near / 365 - 1;
    while (days_of(year + 1, 1, 1) <= near) year++;
    while (month < 12 && days_of(year, month + 1, 1) <= near) month++;
    return (uint32_t)(part == 'm' ? month : near - days_of(year, month, 1) + 1);
}

//: truth_row needs base
static uint32_t truth_row(double number) { return number != 0.0 ? 2u : 1u; }

//: dense_number needs base
struct number {
    int there;
    double value;
};

//: next_part needs text
/* What stands before the next separator, which is not empty; 0 behind the last. */
static int next_part(struct text *rest, const char *separator, struct text *part) {
    size_t length = strlen(separator);
    if (rest->at == NULL) return 0;
    *part = *rest;
    for (size_t at = 0; at + length <= rest->length; at++)
        if (memcmp(rest->at + at, separator, length) == 0) {
            part->length = at;
            rest->at += at + length;
            rest->length -= at + length;
            return 1;
        }
    rest->at = NULL;
    return 1;
}
