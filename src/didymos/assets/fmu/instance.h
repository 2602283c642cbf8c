/* One machine: time, inputs, parameters, state, and the outputs that belong to them. Value references: 1 .. N_U inputs, then N_P
 * parameters, then N_X states, then N_Y outputs; 0 is time. What is serialised is this struct's numbers behind a stamp. */

typedef struct {
    double time, u[N_U_1], p[N_P_1], x[N_X], y[N_Y_1];
    int fresh; /* whether y belongs to the rest */
} Numbers;

typedef struct {
    Numbers now;
    char name[128];
    void *environment;
    void (*report)(void);
} Machine;

enum { OK = 0, DISCARD = 2, FAULT = 3 };

static Machine *made(const char *name, const char *token, void (*report)(void), void *environment) {
    Machine *m = token && strcmp(token, TOKEN) == 0 ? (Machine *)calloc(1, sizeof(Machine)) : NULL;
    if (!m) return NULL;
    for (int i = 0; i < N_U; i++) m->now.u[i] = U_START[i];
    for (int i = 0; i < N_P; i++) m->now.p[i] = P_START[i];
    for (int i = 0; i < N_X; i++) m->now.x[i] = X_START[i];
    strncpy(m->name, name ? name : "", sizeof m->name - 1);
    m->report = report;
    m->environment = environment;
    return m;
}

static void as_new(Machine *m) {
    for (int i = 0; i < N_U; i++) m->now.u[i] = U_START[i];
    for (int i = 0; i < N_P; i++) m->now.p[i] = P_START[i];
    for (int i = 0; i < N_X; i++) m->now.x[i] = X_START[i];
    m->now.time = 0.0;
    m->now.fresh = 0;
}

static int read_number(Machine *m, unsigned reference, double *to) {
    unsigned r = reference;
    if (r == 0) { *to = m->now.time; return OK; }
    if ((r -= 1) < N_U) { *to = m->now.u[r]; return OK; }
    if ((r -= N_U) < N_P) { *to = m->now.p[r]; return OK; }
    if ((r -= N_P) < N_X) { *to = m->now.x[r]; return OK; }
    if ((r -= N_X) >= N_Y) return FAULT;
    if (!m->now.fresh) {
        outputs(m->now.x, m->now.u, m->now.p, m->now.y);
        m->now.fresh = 1;
    }
    *to = m->now.y[r];
    return OK;
}

/* Inputs, parameters and states; nothing that is not a finite number comes in. */
static int write_number(Machine *m, unsigned reference, double value) {
    unsigned r = reference - 1;
    double *to = r < N_U ? m->now.u + r : r - N_U < N_P ? m->now.p + (r - N_U) : r - N_U - N_P < N_X ? m->now.x + (r - N_U - N_P) : NULL;
    if (!to || !isfinite(value)) return FAULT;
    *to = value;
    m->now.fresh = 0;
    return OK;
}

static int go(Machine *m, double from, double dt) {
    if (!(dt >= 0.0) || !isfinite(dt)) return FAULT;
    if (dt > 0.0 && advance(m->now.x, m->now.u, m->now.p, dt) != 0) return FAULT;
    m->now.time = from + dt;
    m->now.fresh = 0;
    for (int i = 0; i < N_X; i++) if (!isfinite(m->now.x[i])) return FAULT;
    return OK;
}

#define SERIAL (sizeof STAMP + sizeof(Numbers))

static int serialise(const Numbers *from, unsigned char *to, size_t size) {
    if (size < SERIAL) return FAULT;
    memcpy(to, STAMP, sizeof STAMP);
    memcpy(to + sizeof STAMP, from, sizeof(Numbers));
    return OK;
}

static int deserialise(const unsigned char *from, size_t size, void **to) {
    if (size != SERIAL || memcmp(from, STAMP, sizeof STAMP) != 0) return FAULT;
    if (!*to && !(*to = malloc(sizeof(Numbers)))) return FAULT;
    memcpy(*to, from + sizeof STAMP, sizeof(Numbers));
    return OK;
}

static int take(Machine *m, void **to) {
    if (!*to && !(*to = malloc(sizeof(Numbers)))) return FAULT;
    memcpy(*to, &m->now, sizeof(Numbers));
    return OK;
}
