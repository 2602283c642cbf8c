/* The functions of FMI 2.0 for co-simulation around one machine (machine.h). */

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"

#if defined _WIN32
#define API __declspec(dllexport)
#else
#define API __attribute__((visibility("default")))
#endif

typedef void (*Logger)(void *, const char *, int, const char *, const char *, ...);
typedef struct {
    Logger logger;
    void *(*allocate)(size_t, size_t);
    void (*release)(void *);
    void (*finished)(void *, int);
    void *environment;
} Callbacks;

static int said(Machine *m, int status, const char *text) {
    if (status != OK && m->report) ((Logger)m->report)(m->environment, m->name, status, "logStatusError", "%s", text);
    return status;
}

API const char *fmi2GetTypesPlatform(void) { return "default"; }
API const char *fmi2GetVersion(void) { return "2.0"; }
API int fmi2SetDebugLogging(void *c, int on, size_t n, const char *const categories[]) { return OK; }

API void *fmi2Instantiate(const char *name, int type, const char *token, const char *resources, const Callbacks *callbacks, int visible,
                          int logging) {
    if (type != 1) return NULL; /* co-simulation */
    return made(name, token, callbacks ? (void (*)(void))callbacks->logger : NULL, callbacks ? callbacks->environment : NULL);
}
API void fmi2FreeInstance(void *c) { free(c); }

API int fmi2SetupExperiment(void *c, int has_tolerance, double tolerance, double start, int has_stop, double stop) {
    ((Machine *)c)->now.time = start;
    return OK;
}
API int fmi2EnterInitializationMode(void *c) { return OK; }
API int fmi2ExitInitializationMode(void *c) { return OK; }
API int fmi2Terminate(void *c) { return OK; }
API int fmi2Reset(void *c) { as_new(c); return OK; }

API int fmi2GetReal(void *c, const unsigned r[], size_t n, double v[]) {
    for (size_t i = 0; i < n; i++) if (read_number(c, r[i], v + i) != OK) return said(c, FAULT, "no variable has this value reference");
    return OK;
}
API int fmi2SetReal(void *c, const unsigned r[], size_t n, const double v[]) {
    for (size_t i = 0; i < n; i++) if (write_number(c, r[i], v[i]) != OK) return said(c, FAULT, "a value that cannot be set, or no finite number");
    return OK;
}
API int fmi2GetInteger(void *c, const unsigned r[], size_t n, int v[]) { return n ? FAULT : OK; }
API int fmi2GetBoolean(void *c, const unsigned r[], size_t n, int v[]) { return n ? FAULT : OK; }
API int fmi2GetString(void *c, const unsigned r[], size_t n, const char *v[]) { return n ? FAULT : OK; }
API int fmi2SetInteger(void *c, const unsigned r[], size_t n, const int v[]) { return n ? FAULT : OK; }
API int fmi2SetBoolean(void *c, const unsigned r[], size_t n, const int v[]) { return n ? FAULT : OK; }
API int fmi2SetString(void *c, const unsigned r[], size_t n, const char *const v[]) { return n ? FAULT : OK; }

API int fmi2GetFMUstate(void *c, void **state) { return take(c, state); }
API int fmi2SetFMUstate(void *c, void *state) { memcpy(&((Machine *)c)->now, state, sizeof(Numbers)); return OK; }
API int fmi2FreeFMUstate(void *c, void **state) { free(*state); *state = NULL; return OK; }
API int fmi2SerializedFMUstateSize(void *c, void *state, size_t *size) { *size = SERIAL; return OK; }
API int fmi2SerializeFMUstate(void *c, void *state, unsigned char to[], size_t size) { return serialise(state, to, size); }
API int fmi2DeSerializeFMUstate(void *c, const unsigned char from[], size_t size, void **state) {
    return said(c, deserialise(from, size, state), "the state was written by another machine");
}
API int fmi2GetDirectionalDerivative(void *c, const unsigned z[], size_t nz, const unsigned v[], size_t nv, const double dv[], double dz[]) { return FAULT; }

API int fmi2SetRealInputDerivatives(void *c, const unsigned r[], size_t n, const int order[], const double v[]) { return FAULT; }
API int fmi2GetRealOutputDerivatives(void *c, const unsigned r[], size_t n, const int order[], double v[]) { return FAULT; }
API int fmi2DoStep(void *c, double from, double dt, int final) { return said(c, go(c, from, dt), "the step has no finite result"); }
API int fmi2CancelStep(void *c) { return FAULT; }
API int fmi2GetStatus(void *c, int kind, int *v) { return DISCARD; }
API int fmi2GetRealStatus(void *c, int kind, double *v) {
    if (kind != 2) return DISCARD;
    *v = ((Machine *)c)->now.time;
    return OK;
}
API int fmi2GetIntegerStatus(void *c, int kind, int *v) { return DISCARD; }
API int fmi2GetBooleanStatus(void *c, int kind, int *v) {
    if (kind != 3) return DISCARD;
    *v = 0;
    return OK;
}
API int fmi2GetStringStatus(void *c, int kind, const char **v) { return DISCARD; }
