/* One communication step of a reduced field,  M da/dt + (K + sum h_j K_j) a = B q + C (h T),  by backward Euler in equal parts of at
 * most MAX_STEP seconds. u = loads q, then films h, then temperatures T behind the films, then forces. Cholesky: the matrix is symmetric
 * and positive definite for every film that is not negative. Outputs: temperatures, then von Mises stresses at hot spots, whose six
 * components xx yy zz yz xz xy are linear in amounts and forces. */

static int advance(double *a, const double *u, const double *p, double dt) {
    const double *film = u + N_LOADS, *behind = film + N_FILMS;
    const double parts = most(1.0, ceil(dt / MAX_STEP - 1e-9)), h = dt / parts;
    double L[N_X * N_X], heat[N_X], b[N_X];
    (void)p;
    for (int i = 0; i < N_X * N_X; i++) {
        L[i] = MASS[i] / h + STIFFNESS[i];
        for (int j = 0; j < N_FILMS; j++) L[i] += film[j] * FILMS[j * N_X * N_X + i];
    }
    for (int j = 0; j < N_X; j++) {
        for (int k = 0; k < j; k++) L[j * N_X + j] -= L[j * N_X + k] * L[j * N_X + k];
        if (!(L[j * N_X + j] > 0.0)) return 1;
        L[j * N_X + j] = sqrt(L[j * N_X + j]);
        for (int i = j + 1; i < N_X; i++) {
            for (int k = 0; k < j; k++) L[i * N_X + j] -= L[i * N_X + k] * L[j * N_X + k];
            L[i * N_X + j] /= L[j * N_X + j];
        }
    }
    for (int i = 0; i < N_X; i++) {
        heat[i] = 0.0;
        for (int j = 0; j < N_LOADS; j++) heat[i] += LOADS[i * N_LOADS_1 + j] * u[j];
        for (int j = 0; j < N_FILMS; j++) heat[i] += BEHIND[i * N_FILMS_1 + j] * film[j] * (behind[j] - REFERENCE);
    }
    for (double n = 0.0; n < parts; n += 1.0) {
        for (int i = 0; i < N_X; i++) {
            b[i] = heat[i];
            for (int k = 0; k < N_X; k++) b[i] += MASS[i * N_X + k] * a[k] / h;
        }
        for (int i = 0; i < N_X; i++) {
            for (int k = 0; k < i; k++) b[i] -= L[i * N_X + k] * b[k];
            b[i] /= L[i * N_X + i];
        }
        for (int i = N_X - 1; i >= 0; i--) {
            for (int k = i + 1; k < N_X; k++) b[i] -= L[k * N_X + i] * b[k];
            b[i] /= L[i * N_X + i];
        }
        memcpy(a, b, sizeof(double) * N_X);
    }
    return 0;
}

static void outputs(const double *a, const double *u, const double *p, double *to) {
    const double *force = u + N_LOADS + 2 * N_FILMS;
    (void)p;
    for (int i = 0; i < N_LINEAR; i++) {
        to[i] = OFFSET[i];
        for (int k = 0; k < N_X; k++) to[i] += OUT[i * N_X + k] * a[k];
    }
    for (int i = 0; i < N_HOT; i++) {
        double s[6];
        for (int c = 0; c < 6; c++) {
            const double *row = HOT + (i * 6 + c) * (N_X + N_FORCES);
            s[c] = 0.0;
            for (int k = 0; k < N_X; k++) s[c] += row[k] * a[k];
            for (int k = 0; k < N_FORCES; k++) s[c] += row[N_X + k] * force[k];
        }
        const double x = s[0] - s[1], y = s[1] - s[2], z = s[2] - s[0];
        to[N_LINEAR + i] = sqrt(0.5 * (x * x + y * y + z * z) + 3.0 * (s[3] * s[3] + s[4] * s[4] + s[5] * s[5]));
    }
}
