"""Who does what and where: Faster R-CNN around a video network (section 5.3 of the paper, after Gu et al. 2018)."""
