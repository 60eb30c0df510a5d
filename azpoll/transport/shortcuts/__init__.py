"""The only place that relies on private fields of other libraries. Each module names its measured gain or cost."""
