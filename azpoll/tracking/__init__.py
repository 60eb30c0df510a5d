"""Internal: holds the operations of one tracker."""
