"""What is wrong with the data, all of it at once: training stops at the first fault, a check gathers them."""
