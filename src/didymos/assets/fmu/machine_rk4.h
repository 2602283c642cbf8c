/* One communication step of a machine given by its derivatives: the classical Runge-Kutta rule of fourth order in equal parts of at
 * most MAX_STEP seconds. The derivatives are only asked inside the state's bounds, and the state is kept in them. */

static void keep_inside(const double *from, double *to) {
    for (int i = 0; i < N_X; i++) to[i] = most(X_LOW[i], least(from[i], X_HIGH[i]));
}

static int advance(double *x, const double *u, const double *p, double dt) {
    double k1[N_X], k2[N_X], k3[N_X], k4[N_X], at[N_X];
    const double parts = most(1.0, ceil(dt / MAX_STEP - 1e-9)), h = dt / parts;
    for (double n = 0.0; n < parts; n += 1.0) {
        keep_inside(x, at);
        rhs(at, u, p, k1);
        for (int i = 0; i < N_X; i++) at[i] = x[i] + 0.5 * h * k1[i];
        keep_inside(at, at);
        rhs(at, u, p, k2);
        for (int i = 0; i < N_X; i++) at[i] = x[i] + 0.5 * h * k2[i];
        keep_inside(at, at);
        rhs(at, u, p, k3);
        for (int i = 0; i < N_X; i++) at[i] = x[i] + h * k3[i];
        keep_inside(at, at);
        rhs(at, u, p, k4);
        for (int i = 0; i < N_X; i++) x[i] = x[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
        keep_inside(x, x);
    }
    return 0;
}
