
#ifdef NASREC_MAIN
static char line[1 << 20];

/* With as few digits as it takes to read the number back. */
static void print_shortest(float number) {
    char text[40];
    for (int digits = 0; digits < 9; digits++) {
        snprintf(text, sizeof text, "%.*e", digits, (double)number);
        if (strtof(text, NULL) == number) break;
    }
    puts(text);
}

/* Rows on standard input, their fields with tabs between; a probability a line on standard output. */
int main(int count, char **arguments) {
    static const char *const names[] = {@NAMES@};
    static float work[NASREC_WORK];
    struct nasrec_model model;
    if (count != 2) {
        fprintf(stderr, "usage: %s WEIGHTS < rows.tsv\n", arguments[0]);
        return 2;
    }
    if (nasrec_load(&model, arguments[1]) != 0) {
        fprintf(stderr, "%s cannot be read, or holds other weights than this program was made for\n", arguments[1]);
        return 2;
    }
    for (unsigned long row = 1; fgets(line, sizeof line, stdin) != NULL; row++) {
        const char *fields[NASREC_COLUMNS];
        size_t columns = 1;
        float probability;
        fields[0] = line;
        for (char *at = line; *at != '\0'; at++) {
            if (*at == '\t') {
                if (columns < NASREC_COLUMNS) fields[columns] = at + 1;
                columns++;
            }
            if (*at == '\t' || *at == '\n' || (*at == '\r' && at[1] == '\n')) *at = '\0';
        }
        if (columns != NASREC_COLUMNS) {
            fprintf(stderr, "row %lu: %lu fields, expected %d\n", row, (unsigned long)columns, (int)NASREC_COLUMNS);
            return 1;
        }
        int wrong = nasrec_predict(&model, fields, work, &probability);
        if (wrong != 0) {
            fprintf(stderr, "row %lu: column %d (%s) cannot be read: %s\n", row, wrong, names[wrong - 1], fields[wrong - 1]);
            return 1;
        }
        print_shortest(probability);
    }
    nasrec_free(&model);
    return 0;
}
#endif

#ifdef NASREC_WASM
/* What model.mjs calls, for pages and for JavaScript. */
#define EXPORTED(name) __attribute__((export_name(#name)))

static struct nasrec_model opened;

EXPORTED(nasrec_room) void *nasrec_room(size_t size);
EXPORTED(nasrec_take) int nasrec_take(void *bytes, size_t length);
EXPORTED(nasrec_says) double nasrec_says(const char *texts);

void *nasrec_room(size_t size) { return malloc(size); }

int nasrec_take(void *bytes, size_t length) { return nasrec_open(&opened, bytes, length); }

/* The probability of a row, its fields one behind the other, each ended by a zero byte; less than 0, the number of the column that cannot
   be read. */
double nasrec_says(const char *texts) {
    static float work[NASREC_WORK];
    const char *fields[NASREC_COLUMNS];
    float probability;
    for (size_t i = 0; i < NASREC_COLUMNS; i++) {
        fields[i] = texts;
        texts += strlen(texts) + 1;
    }
    int wrong = nasrec_predict(&opened, fields, work, &probability);
    return wrong == 0 ? (double)probability : -(double)wrong;
}
#endif
