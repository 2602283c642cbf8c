/* A first-order lag written by hand against FMI 2.0 or 3.0 (-DFMI=2, -DFMI=3), which misbehaves on request:
 *     dx/dt = (gain u - x) / 1 s, exact over each step;  y = x + noise-free count of steps
 * mood 0 behaves, 1 crashes, 2 hangs, 3 takes 1 MiB each step and keeps it, 4 answers an error, 5 prints for ever; all from `after` s on. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { double u, gain, after, x, t, steps; int mood; } State;
typedef struct { State s; } Probe;

static double *real_of(State *s, unsigned r) {
    switch (r) {
        case 1: return &s->u;
        case 2: return &s->gain;
        case 3: return &s->after;
        case 4: return &s->x;
        case 5: return &s->steps;
    }
    return NULL;
}

static int step(Probe *p, double dt) {
    State *s = &p->s;
    if (s->t >= s->after) {
        if (s->mood == 1) *(volatile int *)0 = 1;
        while (s->mood == 2) sleep(1);
        if (s->mood == 3) memset(malloc(1 << 20), 7, 1 << 20);
        if (s->mood == 4) return 3;
        while (s->mood == 5) printf("still here\n");
    }
    s->x = s->gain * s->u + (s->x - s->gain * s->u) * exp(-dt);
    s->t += dt;
    s->steps += 1.0;
    return 0;
}

static int copy_out(Probe *p, unsigned char *to, size_t size) {
    if (size < sizeof(State)) return 3;
    memcpy(to, &p->s, sizeof(State));
    return 0;
}

#define MAKE Probe *p = calloc(1, sizeof(Probe)); p->s.gain = 2.0; p->s.after = 1e30

#if FMI == 2
void *fmi2Instantiate(const char *n, int k, const char *g, const char *r, const void *c, int v, int l) { MAKE; return p; }
void fmi2FreeInstance(void *p) { free(p); }
const char *fmi2GetTypesPlatform(void) { return "default"; }
const char *fmi2GetVersion(void) { return "2.0"; }
int fmi2SetDebugLogging(void *p, int on, size_t n, const char *const c[]) { return 0; }
int fmi2SetupExperiment(void *p, int td, double tol, double start, int sd, double stop) { ((Probe *)p)->s.t = start; return 0; }
int fmi2EnterInitializationMode(void *p) { return 0; }
int fmi2ExitInitializationMode(void *p) { return 0; }
int fmi2Terminate(void *p) { return 0; }
int fmi2Reset(void *p) { return 0; }
int fmi2GetReal(void *p, const unsigned r[], size_t n, double v[]) {
    for (size_t i = 0; i < n; i++) v[i] = *real_of(&((Probe *)p)->s, r[i]);
    return 0;
}
int fmi2SetReal(void *p, const unsigned r[], size_t n, const double v[]) {
    for (size_t i = 0; i < n; i++) *real_of(&((Probe *)p)->s, r[i]) = v[i];
    return 0;
}
int fmi2GetInteger(void *p, const unsigned r[], size_t n, int v[]) { for (size_t i = 0; i < n; i++) v[i] = ((Probe *)p)->s.mood; return 0; }
int fmi2SetInteger(void *p, const unsigned r[], size_t n, const int v[]) { for (size_t i = 0; i < n; i++) ((Probe *)p)->s.mood = v[i]; return 0; }
int fmi2GetBoolean(void *p, const unsigned r[], size_t n, int v[]) { return 3; }
int fmi2SetBoolean(void *p, const unsigned r[], size_t n, const int v[]) { return 3; }
int fmi2GetString(void *p, const unsigned r[], size_t n, const char *v[]) { return 3; }
int fmi2SetString(void *p, const unsigned r[], size_t n, const char *const v[]) { return 3; }
int fmi2GetFMUstate(void *p, void **s) { *s = malloc(sizeof(State)); memcpy(*s, &((Probe *)p)->s, sizeof(State)); return 0; }
int fmi2SetFMUstate(void *p, void *s) { memcpy(&((Probe *)p)->s, s, sizeof(State)); return 0; }
int fmi2FreeFMUstate(void *p, void **s) { free(*s); *s = NULL; return 0; }
int fmi2SerializedFMUstateSize(void *p, void *s, size_t *n) { *n = sizeof(State); return 0; }
int fmi2SerializeFMUstate(void *p, void *s, char b[], size_t n) { memcpy(b, s, n); return 0; }
int fmi2DeSerializeFMUstate(void *p, const char b[], size_t n, void **s) { *s = malloc(n); memcpy(*s, b, n); return 0; }
int fmi2GetDirectionalDerivative(void *p, const unsigned a[], size_t n, const unsigned b[], size_t m, const double d[], double o[]) { return 3; }
int fmi2SetRealInputDerivatives(void *p, const unsigned r[], size_t n, const int o[], const double v[]) { return 3; }
int fmi2GetRealOutputDerivatives(void *p, const unsigned r[], size_t n, const int o[], double v[]) { return 3; }
int fmi2DoStep(void *p, double t, double dt, int keep) { return step(p, dt); }
int fmi2CancelStep(void *p) { return 3; }
int fmi2GetStatus(void *p, int k, int *v) { return 3; }
int fmi2GetRealStatus(void *p, int k, double *v) { return 3; }
int fmi2GetIntegerStatus(void *p, int k, int *v) { return 3; }
int fmi2GetBooleanStatus(void *p, int k, int *v) { return 3; }
int fmi2GetStringStatus(void *p, int k, const char **v) { return 3; }
#else
#include <stdbool.h>
void *fmi3InstantiateCoSimulation(const char *n, const char *t, const char *r, bool v, bool l, bool e, bool a, const uint32_t q[], size_t m,
                                  void *env, void *log, void *update) { MAKE; return p; }
void fmi3FreeInstance(void *p) { free(p); }
const char *fmi3GetVersion(void) { return "3.0"; }
int fmi3SetDebugLogging(void *p, bool on, size_t n, const char *const c[]) { return 0; }
int fmi3EnterInitializationMode(void *p, bool td, double tol, double start, bool sd, double stop) { ((Probe *)p)->s.t = start; return 0; }
int fmi3ExitInitializationMode(void *p) { return 0; }
int fmi3Terminate(void *p) { return 0; }
int fmi3Reset(void *p) { return 0; }
int fmi3GetFloat64(void *p, const uint32_t r[], size_t n, double v[], size_t m) {
    for (size_t i = 0; i < n; i++) v[i] = *real_of(&((Probe *)p)->s, r[i]);
    return 0;
}
int fmi3SetFloat64(void *p, const uint32_t r[], size_t n, const double v[], size_t m) {
    for (size_t i = 0; i < n; i++) *real_of(&((Probe *)p)->s, r[i]) = v[i];
    return 0;
}
int fmi3GetInt32(void *p, const uint32_t r[], size_t n, int32_t v[], size_t m) { for (size_t i = 0; i < n; i++) v[i] = ((Probe *)p)->s.mood; return 0; }
int fmi3SetInt32(void *p, const uint32_t r[], size_t n, const int32_t v[], size_t m) { for (size_t i = 0; i < n; i++) ((Probe *)p)->s.mood = v[i]; return 0; }
int fmi3GetFMUState(void *p, void **s) { *s = malloc(sizeof(State)); memcpy(*s, &((Probe *)p)->s, sizeof(State)); return 0; }
int fmi3SetFMUState(void *p, void *s) { memcpy(&((Probe *)p)->s, s, sizeof(State)); return 0; }
int fmi3FreeFMUState(void *p, void **s) { free(*s); *s = NULL; return 0; }
int fmi3SerializedFMUStateSize(void *p, void *s, size_t *n) { *n = sizeof(State); return 0; }
int fmi3SerializeFMUState(void *p, void *s, uint8_t b[], size_t n) { memcpy(b, s, n); return 0; }
int fmi3DeserializeFMUState(void *p, const uint8_t b[], size_t n, void **s) { *s = malloc(n); memcpy(*s, b, n); return 0; }
int fmi3EnterStepMode(void *p) { return 3; }
int fmi3DoStep(void *p, double t, double dt, bool keep, bool *event, bool *ends, bool *early, double *last) {
    *event = *ends = *early = false;
    *last = t + dt;
    return step(p, dt);
}
#define NO(name) int fmi3##name() { return 3; }
NO(GetFloat32) NO(GetInt8) NO(GetUInt8) NO(GetInt16) NO(GetUInt16) NO(GetUInt32) NO(GetInt64) NO(GetUInt64) NO(GetBoolean) NO(GetString)
NO(GetBinary) NO(GetClock) NO(SetFloat32) NO(SetInt8) NO(SetUInt8) NO(SetInt16) NO(SetUInt16) NO(SetUInt32) NO(SetInt64) NO(SetUInt64)
NO(SetBoolean) NO(SetString) NO(SetBinary) NO(SetClock) NO(GetNumberOfVariableDependencies) NO(GetVariableDependencies)
NO(GetDirectionalDerivative) NO(GetAdjointDerivative) NO(EnterConfigurationMode) NO(ExitConfigurationMode) NO(GetIntervalDecimal)
NO(GetIntervalFraction) NO(GetShiftDecimal) NO(GetShiftFraction) NO(SetIntervalDecimal) NO(SetIntervalFraction) NO(SetShiftDecimal)
NO(SetShiftFraction) NO(EvaluateDiscreteStates) NO(UpdateDiscreteStates) NO(EnterEventMode) NO(GetOutputDerivatives)
NO(InstantiateModelExchange) NO(InstantiateScheduledExecution) NO(EnterContinuousTimeMode) NO(CompletedIntegratorStep) NO(SetTime)
NO(SetContinuousStates) NO(GetContinuousStateDerivatives) NO(GetEventIndicators) NO(GetContinuousStates)
NO(GetNominalsOfContinuousStates) NO(GetNumberOfEventIndicators) NO(GetNumberOfContinuousStates) NO(ActivateModelPartition)
#endif
